//! Settings: small JSON values by name, such as the theme or the project that was open last.

use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use crate::Store;
use crate::error::StoreError;

impl Store {
    /// # Errors
    /// When the database cannot be read.
    pub fn setting(&self, name: &str) -> Result<Option<Value>, StoreError> {
        let text: Option<String> = self
            .connection()
            .prepare_cached("SELECT value FROM settings WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        text.map(|text| {
            serde_json::from_str(&text).map_err(|error| StoreError::Unreadable {
                what: format!("the setting `{name}`"),
                reason: error.to_string(),
            })
        })
        .transpose()
    }

    /// Sets `name`; null removes it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_setting(&self, name: &str, value: &Value) -> Result<(), StoreError> {
        let connection = self.connection();
        if value.is_null() {
            connection.execute("DELETE FROM settings WHERE name = ?1", [name])?;
        } else {
            connection.execute(
                "INSERT INTO settings (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                params![name, value.to_string()],
            )?;
        }
        Ok(())
    }
}
