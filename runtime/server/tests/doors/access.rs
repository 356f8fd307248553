//! Who is let in, what the pages say, and how the server goes down.

use futures::SinkExt;
use millrace_host::{Request, Response};
use millrace_server::{ServeError, Server};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::{Client, PATIENCE, get};
use crate::{host, running};

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused_with_the_reason() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.7:7717"] {
        let error = Server::bind(host().await, address.parse().expect("an address")).await.map(drop);
        let error = error.expect_err("must be refused");
        assert!(matches!(error, ServeError::NotLoopback { .. }), "{error}");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let server = running().await;
    let error = Server::bind(host().await, server.address).await.map(drop).expect_err("taken");
    assert!(matches!(error, ServeError::Bind { .. }), "{error}");
    assert!(error.to_string().contains(&server.address.to_string()), "{error}");
}

#[tokio::test]
async fn a_page_of_another_site_cannot_open_the_socket() {
    let server = running().await;
    let own = format!("http://{}", server.address);
    for (origin, is_let_in) in
        [(own.as_str(), true), ("https://example.com", false), ("http://localhost:1", false), ("null", false)]
    {
        let mut request = format!("ws://{}/api/socket", server.address).into_client_request().expect("a request");
        request.headers_mut().insert("Origin", origin.parse().expect("a header"));
        match connect_async(request).await {
            Ok(_) => assert!(is_let_in, "{origin} was let in"),
            Err(Error::Http(response)) => assert!(!is_let_in && response.status() == 403, "{origin}: {response:?}"),
            Err(error) => panic!("{origin}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_foreign_name_for_this_machine_gets_nothing() {
    let server = running().await;
    for path in ["/", "/health", "/metrics", "/api/socket"] {
        let answer = get(server.address, path, &[("Host", "rebound.example.com")]).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{path}: {answer}");
    }
    let own = server.address.to_string();
    let answer = get(server.address, "/health", &[("Host", &own), ("Origin", "https://example.com")]).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[tokio::test]
async fn the_pages_for_machines_answer() {
    let server = running().await;
    let own = server.address.to_string();
    let health = get(server.address, "/health", &[("Host", &own)]).await;
    assert!(health.starts_with("HTTP/1.1 200") && health.contains(r#""status":"ok""#), "{health}");
    let metrics = get(server.address, "/metrics", &[("Host", &own)]).await;
    assert!(metrics.starts_with("HTTP/1.1 200") && metrics.contains("\nmillrace_runs 0\n"), "{metrics}");
}

#[tokio::test]
async fn the_root_is_the_designer_or_says_how_to_build_it() {
    let server = running().await;
    let own = server.address.to_string();
    let page = get(server.address, "/", &[("Host", &own)]).await;
    let is_designer = page.starts_with("HTTP/1.1 200") && page.contains("<canvas");
    // A page of ours, or the one that the desktop program's build leaves where the designer will be.
    let is_hint = page.contains("cargo xtask");
    assert!(is_designer || is_hint, "{page}");
    let dashboard = get(server.address, "/?project=Fleet%20health&dashboard=dashboard_1", &[("Host", &own)]).await;
    let body = |answer: &str| answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    assert_eq!(body(&dashboard), body(&page), "the page itself reads what the address asks for");
}

#[tokio::test]
async fn a_client_of_another_tongue_is_told_so_and_the_others_stay() {
    let server = running().await;
    let mut other = Client::connect(server.address).await;
    for nonsense in [Message::Binary(b"nonsense".as_slice().into()), Message::Text("{}".into())] {
        let mut client = Client::connect(server.address).await;
        client.socket.send(nonsense).await.expect("sent");
        match client.next_message().await {
            Some(Message::Close(Some(frame))) => assert_eq!(frame.code, CloseCode::Protocol, "{frame:?}"),
            end => panic!("a close with a reason was expected, not {end:?}"),
        }
    }
    assert!(matches!(other.call(Request::Hello).await, Ok(Response::Welcome(_))));
}

#[tokio::test]
async fn going_down_closes_every_connection_and_leaves_the_host() {
    let server = running().await;
    let mut client = Client::connect(server.address).await;
    client.call(Request::Hello).await.expect("answered");
    server.shutdown.send(()).expect("the server waits for it");
    match client.next_message().await {
        Some(Message::Close(Some(frame))) => assert_eq!(frame.code, CloseCode::Away, "{frame:?}"),
        end => panic!("a close with a reason was expected, not {end:?}"),
    }
    drop(client);
    let served = tokio::time::timeout(PATIENCE, server.served).await.expect("it ends").expect("no panic");
    served.expect("it ends well");
    assert!(server.host.handle(Request::Hello).await.is_ok());
}
