//! Settings: small values that the designer keeps by name.

use millrace_protocol::{Failure, Response};
use serde_json::Value;

use crate::Host;

impl Host {
    pub(crate) async fn read_setting(&self, name: String) -> Result<Response, Failure> {
        Ok(Response::Setting(self.with_store(move |store| store.setting(&name)).await?))
    }

    /// Null removes the setting.
    pub(crate) async fn write_setting(&self, name: String, value: Value) -> Result<Response, Failure> {
        self.with_store(move |store| store.set_setting(&name, &value)).await?;
        Ok(Response::Done)
    }
}
