//! What the network does to a request: peers that misbehave, and a balancer in front of pods.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A server that answers every request with this text.
pub(crate) async fn answering(text: &'static str) -> SocketAddr {
    recording(text).await.0
}

/// The same, and the heads of the requests that it got.
pub(crate) async fn recording(text: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let (listener, address) = listener().await;
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let head = read_head(&mut stream).await;
                seen.lock().unwrap().push(head);
                stream.write_all(text.as_bytes()).await.unwrap();
            });
        }
    });
    (address, heads)
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            break;
        };
        head.push(byte);
    }
    String::from_utf8(head).unwrap()
}

/// A way to `target` on which the answers to the first requests are lost: each of the first
/// `lost` connections is closed after the target has answered, before a byte of that arrives.
pub(crate) async fn losing_answers(target: SocketAddr, lost: usize) -> SocketAddr {
    let (listener, address) = listener().await;
    let made = AtomicUsize::new(0);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let loses = made.fetch_add(1, Ordering::Relaxed) < lost;
            tokio::spawn(async move {
                let mut server = TcpStream::connect(target).await.unwrap();
                if !loses {
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                    return;
                }
                let (mut from_client, _) = client.split();
                let (mut from_server, mut to_server) = server.split();
                let mut answer = [0; 1];
                tokio::select! {
                    _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
                    _ = from_server.read_exact(&mut answer) => {}
                }
            });
        }
    });
    address
}

/// A Service: each new connection goes to one of the targets, in turn; connections that exist
/// stay where they are.
#[derive(Debug, Clone)]
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    targets: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    pub(crate) async fn start(targets: &[SocketAddr]) -> Self {
        let (listener, address) = listener().await;
        let targets = Arc::new(Mutex::new(targets.to_vec()));
        let balancer = Self {
            address,
            targets: Arc::clone(&targets),
        };
        tokio::spawn(async move {
            let mut turn = 0;
            while let Ok((mut client, _)) = listener.accept().await {
                let target = {
                    let targets = targets.lock().unwrap();
                    turn += 1;
                    targets[turn % targets.len()]
                };
                tokio::spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(target).await {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        balancer
    }

    pub(crate) fn set(&self, targets: &[SocketAddr]) {
        *self.targets.lock().unwrap() = targets.to_vec();
    }
}
