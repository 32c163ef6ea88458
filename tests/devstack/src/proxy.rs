//! A TCP proxy whose connections break and stall on demand: whatever they carry, TLS included, ends in the middle.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

/// What is read at one time.
const CHUNK: usize = 16 << 10;

/// A running proxy. It ends when it is dropped, with all its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    breaks: watch::Sender<u64>,
    stalled_until: watch::Sender<Instant>,
    _server: AbortOnDropHandle<()>,
}

impl Proxy {
    /// A proxy in front of an address, on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port is free.
    pub async fn to(target: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("bind a proxy")?;
        let address = listener.local_addr()?;
        let (breaks, stalled_until) = (watch::Sender::new(0), watch::Sender::new(Instant::now()));
        let server = serve(listener, target, breaks.subscribe(), stalled_until.subscribe());
        Ok(Self { address, breaks, stalled_until, _server: AbortOnDropHandle::new(tokio::spawn(server)) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection that there is, behind whatever it has carried so far.
    pub fn break_all(&self) {
        self.breaks.send_modify(|breaks| *breaks += 1);
    }

    /// Carries nothing for so long.
    pub fn stall(&self, time: Duration) {
        self.stalled_until.send_replace(Instant::now() + time);
    }
}

async fn serve(
    listener: TcpListener,
    target: SocketAddr,
    breaks: watch::Receiver<u64>,
    stalled_until: watch::Receiver<Instant>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let mut breaks = breaks.clone();
                    breaks.mark_unchanged();
                    let carried = carry(stream, target, stalled_until.clone());
                    connections.spawn(async move {
                        tokio::select! {
                            ended = carried => if let Err(error) = ended {
                                tracing::debug!(%error, "a connection through the proxy ended");
                            },
                            _ = breaks.changed() => {}
                        }
                    });
                }
                Err(error) => tracing::warn!(%error, "the proxy cannot accept"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn carry(near: TcpStream, target: SocketAddr, stalled_until: watch::Receiver<Instant>) -> std::io::Result<()> {
    let far = TcpStream::connect(target).await?;
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    let there = copy(near_read, far_write, stalled_until.clone());
    tokio::try_join!(there, copy(far_read, near_write, stalled_until)).map(drop)
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    stalled_until: watch::Receiver<Instant>,
) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let until = *stalled_until.borrow();
        sleep_until(until).await;
        to.write_all(&chunk[..length]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_carries_until_it_is_told_to_break() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = Proxy::to(listener.local_addr().unwrap()).await.unwrap();
        let mut near = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        near.write_all(b"there").await.unwrap();
        let mut there = [0; 5];
        far.read_exact(&mut there).await.unwrap();
        far.write_all(b"back").await.unwrap();
        let mut back = [0; 4];
        near.read_exact(&mut back).await.unwrap();
        assert_eq!((&there, &back), (b"there", b"back"));
        proxy.break_all();
        assert!(!matches!(near.read(&mut back).await, Ok(1..)));
        let mut again = TcpStream::connect(proxy.address()).await.unwrap();
        again.write_all(b"again").await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        far.read_exact(&mut there).await.unwrap();
        assert_eq!(&there, b"again");
    }
}
