//! The admin port as the kubelet and Prometheus see it.

use std::net::SocketAddr;

use gumshoe_runtime::Shutdown;
use gumshoe_runtime::admin::{AdminHandle, bind};
use gumshoe_runtime::args::AdminArgs;
use gumshoe_runtime::listen;
use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bench::within;

/// The whole response to a request line.
pub(crate) async fn request(address: SocketAddr, line: &str) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("{line} HTTP/1.1\r\nhost: admin\r\n\r\n").as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        std::io::Result::Ok(response)
    };
    within(exchange).await.unwrap()
}

/// Runs `client` against an admin port.
async fn with_admin(handle: &AdminHandle, client: impl AsyncFnOnce(SocketAddr)) {
    let admin = bind(&AdminArgs { admin_listen: "127.0.0.1:0".parse().unwrap() }).await.unwrap();
    let address = admin.address();
    within(admin.serve(handle, client(address))).await;
}

#[tokio::test]
async fn readiness_names_every_gate_that_is_closed() {
    let shutdown = Shutdown::new();
    let handle = AdminHandle::new(shutdown.clone());
    let (queue, tls) = (handle.readiness("queue"), handle.readiness("tls"));
    with_admin(&handle, async |address| {
        let readyz = || request(address, "GET /readyz");
        let response = readyz().await;
        assert!(response.starts_with("HTTP/1.1 503"), "{response}");
        assert!(response.ends_with("queue: starting\ntls: starting\n"), "{response}");
        tls.ready();
        queue.not_ready("access denied");
        assert!(readyz().await.ends_with("not ready\nqueue: access denied\n"));
        queue.ready();
        assert!(readyz().await.starts_with("HTTP/1.1 200"));
        handle.advise("the queue has no dead letters");
        let advised = readyz().await;
        assert!(
            advised.starts_with("HTTP/1.1 200") && advised.ends_with("ok\nadvice: the queue has no dead letters\n")
        );
        shutdown.begin();
        assert!(readyz().await.contains("not ready\nshutdown: draining\nadvice: "));
        assert!(request(address, "GET /livez").await.starts_with("HTTP/1.1 200"));
    })
    .await;
}

#[tokio::test]
async fn metrics_of_every_part_are_served() {
    let handle = AdminHandle::new(Shutdown::new());
    let counter: Counter = Counter::default();
    handle.registry().register("commands", "Commands taken", counter.clone());
    counter.inc();
    with_admin(&handle, async |address| {
        let response = request(address, "GET /metrics").await;
        assert!(response.contains("content-type: application/openmetrics-text"), "{response}");
        assert!(response.contains("\ncommands_total 1\n"), "{response}");
        assert!(response.contains("gumshoe_server_connections"), "{response}");
        assert!(response.ends_with("# EOF\n"), "{response}");
    })
    .await;
}

#[tokio::test]
async fn nothing_else_is_served() {
    let handle = AdminHandle::new(Shutdown::new());
    with_admin(&handle, async |address| {
        assert!(request(address, "GET /debug").await.starts_with("HTTP/1.1 404"));
        assert!(request(address, "POST /readyz").await.starts_with("HTTP/1.1 405"));
    })
    .await;
}

#[tokio::test]
async fn connections_that_stall_lock_nobody_out_and_hold_up_no_end() {
    let handle = AdminHandle::new(Shutdown::new());
    let mut stalled = Vec::new();
    with_admin(&handle, async |address| {
        for _ in 0..100 {
            stalled.push(TcpStream::connect(address).await.unwrap());
        }
        assert!(request(address, "GET /livez").await.starts_with("HTTP/1.1 200"));
    })
    .await;
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_an_error_that_names_the_flag_and_says_what_to_do() {
    let first = bind(&AdminArgs { admin_listen: "127.0.0.1:0".parse().unwrap() }).await.unwrap();
    let in_use = bind(&AdminArgs { admin_listen: first.address() }).await.unwrap_err().to_string();
    let named = format!("--admin-listen {} is in use", first.address());
    assert!(in_use.starts_with(&named) && in_use.ends_with("another port with --admin-listen"), "{in_use}");
    // Of a block that is for documents alone.
    let foreign = listen::bind("--listen", "192.0.2.1:1".parse().unwrap()).await.unwrap_err().to_string();
    assert!(foreign.starts_with("--listen 192.0.2.1:1 is no address of this machine"), "{foreign}");
}
