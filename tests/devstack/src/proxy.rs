//! A TCP proxy whose connections break and stall on demand: whatever they carry, TLS included, ends in the middle.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
    carried_back: Arc<AtomicU64>,
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
        let way = Way { target, stalled_until: stalled_until.subscribe(), carried_back: Arc::default() };
        let carried_back = Arc::clone(&way.carried_back);
        let server = serve(listener, way, breaks.subscribe());
        Ok(Self { address, breaks, stalled_until, carried_back, _server: AbortOnDropHandle::new(tokio::spawn(server)) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes that it has carried back from the address so far.
    #[must_use]
    pub fn carried_back(&self) -> u64 {
        self.carried_back.load(Ordering::Relaxed)
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

/// What the connections have in common.
#[derive(Debug, Clone)]
struct Way {
    target: SocketAddr,
    stalled_until: watch::Receiver<Instant>,
    carried_back: Arc<AtomicU64>,
}

async fn serve(listener: TcpListener, way: Way, breaks: watch::Receiver<u64>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let mut breaks = breaks.clone();
                    breaks.mark_unchanged();
                    let way = way.clone();
                    connections.spawn(async move {
                        tokio::select! {
                            ended = way.carry(stream) => if let Err(error) = ended {
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

impl Way {
    async fn carry(&self, near: TcpStream) -> std::io::Result<()> {
        let far = TcpStream::connect(self.target).await?;
        let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
        let there = self.copy(near_read, far_write, |_| ());
        let back = self.copy(far_read, near_write, |bytes| _ = self.carried_back.fetch_add(bytes, Ordering::Relaxed));
        tokio::try_join!(there, back).map(drop)
    }

    async fn copy(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        count: impl Fn(u64),
    ) -> std::io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = from.read(&mut chunk).await?;
            if length == 0 {
                return to.shutdown().await;
            }
            let until = *self.stalled_until.borrow();
            sleep_until(until).await;
            to.write_all(&chunk[..length]).await?;
            count(length as u64);
        }
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
        crate::eventually("it has counted", async || (proxy.carried_back() == 4).then_some(())).await.unwrap();
        proxy.break_all();
        assert!(!matches!(near.read(&mut back).await, Ok(1..)));
        let mut again = TcpStream::connect(proxy.address()).await.unwrap();
        again.write_all(b"again").await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        far.read_exact(&mut there).await.unwrap();
        assert_eq!(&there, b"again");
    }
}
