//! A client of the WebSocket, and the least of HTTP that the tests need.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use millrace_host::{Event, Failure, Request, Response};
use millrace_protocol::{Call, ServerMessage, decode, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Long enough for a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
    pub news: Vec<Event>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let (socket, _) = connect_async(format!("ws://{address}/api/socket")).await.expect("connected");
        Self { socket, next: 0, news: Vec::new() }
    }

    pub async fn send(&mut self, request: Request) -> u64 {
        self.next += 1;
        let call = encode(&Call { id: self.next, request });
        self.socket.send(Message::Binary(call.into())).await.expect("sent");
        self.next
    }

    pub async fn call(&mut self, request: Request) -> Result<Response, Failure> {
        let wanted = self.send(request).await;
        loop {
            match self.receive().await {
                ServerMessage::Answer { id, result } if id == wanted => return result,
                ServerMessage::Answer { id, .. } => panic!("nobody asked {id}"),
                ServerMessage::Event(event) => self.news.push(event),
            }
        }
    }

    pub async fn receive(&mut self) -> ServerMessage {
        match self.next_message().await {
            Some(Message::Binary(bytes)) => decode(&bytes).expect("a message of the protocol"),
            other => panic!("a binary message was expected, not {other:?}"),
        }
    }

    /// `None` when the connection is gone.
    pub async fn next_message(&mut self) -> Option<Message> {
        tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("an answer in time")?.ok()
    }
}

/// Sends `GET path` with these headers and gives the whole answer as text.
pub async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer in time").expect("read");
    String::from_utf8_lossy(&answer).into_owned()
}
