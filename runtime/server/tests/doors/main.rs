//! The doors to the host: in-process and over the WebSocket, the same script gives the same answers. And who is let in.

mod access;
mod client;
mod script;

use std::net::SocketAddr;
use std::sync::Arc;

use millrace_host::{Host, HostOptions};
use millrace_server::{ServeError, Server};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server on a free port, with a host of its own that keeps nothing.
struct Running {
    host: Arc<Host>,
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

async fn host() -> Arc<Host> {
    Host::open(HostOptions::in_memory(std::env::temp_dir())).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn running() -> Running {
    let host = host().await;
    let server = Server::bind(Arc::clone(&host), "127.0.0.1:0".parse().expect("an address")).await.expect("bound");
    let address = server.address();
    let (shutdown, is_down) = oneshot::channel();
    let served = tokio::spawn(server.serve(async {
        let _ = is_down.await;
    }));
    Running { host, address, shutdown, served }
}
