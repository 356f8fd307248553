//! The host over HTTP: the designer's files, the protocol over a WebSocket, and two pages for machines that watch.
//!
//! | path | what |
//! | --- | --- |
//! | `/`, `/…` | the designer (wasm), built into the program |
//! | `/api/socket` | the protocol: MessagePack calls in, answers and events out |
//! | `/health` | JSON: whether the server answers, its version |
//! | `/metrics` | Prometheus text: the counters of every run that goes on |
//!
//! Only this machine may connect, and only pages of this very server may speak to it from a browser (`guard`). A slow
//! client fills its own bounded queue and nothing else (`socket`).

mod assets;
mod guard;
mod metrics;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use millrace_host::Host;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(
        "{address} cannot be served: this version of Millrace has no sign-in, so it serves this machine only. Use 127.0.0.1:{} or [::1]:{}",
        address.port(), address.port()
    )]
    NotLoopback { address: SocketAddr },
    #[error("{address} cannot be served: {source}. Choose another port, or end the program that has it")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("the server has failed: {source}")]
    Failed { source: std::io::Error },
}

/// A server that holds its port but does not answer yet.
pub struct Server {
    host: Arc<Host>,
    listener: TcpListener,
    address: SocketAddr,
}

/// What every request needs.
#[derive(Clone)]
struct Shared {
    host: Arc<Host>,
    /// Becomes true when the server goes down.
    closing: watch::Receiver<bool>,
}

impl Server {
    /// Takes the port; port 0 takes any that is free.
    ///
    /// # Errors
    /// When `address` is not of this machine alone, or its port is taken.
    pub async fn bind(host: Arc<Host>, address: SocketAddr) -> Result<Self, ServeError> {
        if !address.ip().is_loopback() {
            return Err(ServeError::NotLoopback { address });
        }
        let bind = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self { host, listener, address })
    }

    /// Where the server can be reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` is ready, then closes every connection. The host, and what it runs, goes on.
    ///
    /// # Errors
    /// When the port cannot be listened to any longer.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let (close, closing) = watch::channel(false);
        let router = router(Shared { host: self.host, closing });
        let until_closed = async move {
            shutdown.await;
            close.send_replace(true);
        };
        axum::serve(self.listener, router)
            .with_graceful_shutdown(until_closed)
            .await
            .map_err(|source| ServeError::Failed { source })
    }
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/api/socket", get(socket::upgrade))
        .route("/health", get(health))
        .route("/metrics", get(running))
        .fallback(get(assets::serve))
        .layer(axum::middleware::from_fn(guard::only_this_machine))
        .with_state(shared)
}

async fn health(State(shared): State<Shared>) -> Response {
    let body = serde_json::json!({
        "status": "ok",
        "version": millrace_host::VERSION,
        "protocol": millrace_protocol::PROTOCOL_VERSION,
        "runs": shared.host.running().len(),
    });
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

async fn running(State(shared): State<Shared>) -> Response {
    let text = metrics::exposition(&shared.host.running());
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
