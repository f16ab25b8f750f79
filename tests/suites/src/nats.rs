//! A NATS server as a process of its own, with the access rules that are installed, and a test's own connections to it.

use std::fmt::Write as _;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rcgen::ExtendedKeyUsagePurpose;
use restapi_types::Event;
use restapi_types::event::{READER, STREAM, authorization, certificate_name, managers};
use tokio::process::{Child, Command};

use crate::authority::{Authority, Identity};
use crate::env::variable;
use crate::namespace::Namespace;
use crate::wait::eventually;

/// How long the server may take to answer.
const UP: Duration = Duration::from_secs(20);

/// Who may do anything there, which nobody may where it is installed.
pub const ADMIN: &str = "admin";

/// A NATS server; killed when dropped.
pub struct Nats {
    folder: PathBuf,
    program: PathBuf,
    port: u16,
    child: Option<Child>,
    starts: u32,
    disk: Option<Disk>,
}

impl Nats {
    /// Starts a server in which the managers of `namespace` have the rights that they have where it is installed.
    ///
    /// # Errors
    /// When it can't be started or does not answer within 20 s.
    pub async fn start(namespace: &Namespace) -> Result<Self> {
        let mut nats = Self::prepare(namespace)?;
        nats.again().await?;
        Ok(nats)
    }

    /// The same on a disk of that many bytes.
    ///
    /// # Errors
    /// As [`Nats::start`], and when such a disk can't be had.
    pub async fn start_on_disk(namespace: &Namespace, bytes: usize) -> Result<Self> {
        let mut nats = Self::prepare(namespace)?;
        nats.disk = Some(Disk::mount(&nats.folder.join("data"), bytes)?);
        nats.again().await?;
        Ok(nats)
    }

    fn prepare(namespace: &Namespace) -> Result<Self> {
        let program = variable("NATS_SERVER_BIN")?;
        let folder = namespace.logs().join("nats");
        std::fs::create_dir_all(folder.join("data"))?;
        certificates(&folder)?;
        // Free now; nothing else on this machine asks for ports of this kind for itself.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let users = authorization(Some(&namespace.name));
        let admin = format!("users = [\n    {{ user = {:?} }}", certificate_name(ADMIN));
        let users = users.replacen("users = [", &admin, 1);
        std::fs::write(
            folder.join("nats.conf"),
            configuration(&folder, port, &users),
        )?;
        Ok(Self {
            folder,
            program: program.into(),
            port,
            child: None,
            starts: 0,
            disk: None,
        })
    }

    /// Starts it again, with what it had stored.
    ///
    /// # Errors
    /// As [`Nats::start`].
    pub async fn again(&mut self) -> Result<()> {
        self.starts += 1;
        let log = File::create(self.folder.join(format!("server-{}.log", self.starts)))?;
        let child = Command::new(&self.program)
            .arg("--config")
            .arg(self.folder.join("nats.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("starting nats-server")?;
        self.child = Some(child);
        eventually(UP, "NATS answers", async || {
            let client = self.client(ADMIN).await?;
            jetstream::new(client).query_account().await?;
            Ok(())
        })
        .await
    }

    /// Kills it without a warning, and waits until it is gone.
    ///
    /// # Errors
    /// When it had ended before.
    pub async fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        ensure!(child.try_wait()?.is_none(), "NATS had ended before");
        child.kill().await.context("killing NATS")
    }

    /// The variables by which a manager finds it.
    #[must_use]
    pub fn variables(&self, manager: &str) -> Vec<(String, String)> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        [
            ("NATS_URL", format!("tls://127.0.0.1:{}", self.port)),
            ("NATS_CA_FILE", file("ca.crt")),
            ("NATS_CERT_FILE", file(&format!("{manager}.crt"))),
            ("NATS_KEY_FILE", file(&format!("{manager}.key"))),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// A connection as `who`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn client(&self, who: &str) -> Result<Client> {
        let options = ConnectOptions::new()
            .add_root_certificates(self.folder.join("ca.crt"))
            .add_client_certificate(
                self.folder.join(format!("{who}.crt")),
                self.folder.join(format!("{who}.key")),
            )
            .custom_inbox_prefix(restapi_types::event::inbox(who))
            .connection_timeout(Duration::from_secs(2));
        let address = format!("tls://127.0.0.1:{}", self.port);
        Ok(options.connect(address).await?)
    }

    /// `JetStream` as somebody who may do anything.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn admin(&self) -> Result<jetstream::Context> {
        Ok(jetstream::new(self.client(ADMIN).await?))
    }

    /// The stream of events.
    ///
    /// # Errors
    /// When there is none.
    pub async fn stream(&self) -> Result<stream::Stream> {
        Ok(self.admin().await?.get_stream(STREAM).await?)
    }

    /// All messages of the stream, with their subjects, in order.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn messages(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut stream = self.stream().await?;
        let state = stream.info().await?.state.clone();
        let mut all = Vec::new();
        if state.messages == 0 {
            return Ok(all);
        }
        for sequence in state.first_sequence..=state.last_sequence {
            let message = stream.get_raw_message(sequence).await?;
            all.push((message.subject.to_string(), message.payload.to_vec()));
        }
        Ok(all)
    }

    /// All events of the stream, in order.
    ///
    /// # Errors
    /// As [`Nats::messages`], and when one is no event.
    pub async fn events(&self) -> Result<Vec<Event>> {
        let messages = self.messages().await?.into_iter();
        let events = messages.filter(|(subject, _)| subject.starts_with("restapi.v1."));
        events
            .map(|(subject, payload)| {
                serde_json::from_slice(&payload).with_context(|| format!("on {subject}"))
            })
            .collect()
    }

    /// Takes all room of its disk.
    ///
    /// # Errors
    /// When it has none of its own.
    pub fn fill_disk(&self) -> Result<()> {
        let disk = self.disk.as_ref().context("it has no disk of its own")?;
        // Until there is no room: the error is the aim.
        let zeros = vec![0; 64 << 20];
        let full = std::fs::write(disk.0.join("filler"), zeros);
        ensure!(full.is_err(), "the disk has more room than was asked for");
        Ok(())
    }

    /// Gives its disk room again.
    ///
    /// # Errors
    /// When it has none of its own.
    pub fn empty_disk(&self) -> Result<()> {
        let disk = self.disk.as_ref().context("it has no disk of its own")?;
        Ok(std::fs::remove_file(disk.0.join("filler"))?)
    }
}

/// A small file system of its own, gone when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: &Path, bytes: usize) -> Result<Self> {
        let size = format!("size={bytes}");
        mount(
            Some("nats"),
            folder,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(size.as_str()),
        )
        .context("mounting a small disk")?;
        Ok(Self(folder.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The server may still hold files there; they go with it.
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

fn configuration(folder: &Path, port: u16, users: &str) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    format!(
        r#"
listen = "127.0.0.1:{port}"
jetstream {{ store_dir = {data:?}, max_file_store = 1GB }}
tls {{
  cert_file = {certificate:?}
  key_file = {key:?}
  ca_file = {ca:?}
  verify_and_map = true
}}
{users}"#,
        data = file("data"),
        certificate = file("server.crt"),
        key = file("server.key"),
        ca = file("ca.crt"),
    )
}

/// An authority, and what it signs for the server and for each who connects; `stranger`'s is of another authority.
fn certificates(folder: &Path) -> Result<()> {
    let authority = Authority::new()?;
    std::fs::write(folder.join("ca.crt"), authority.certificate().pem())?;
    let server = authority.sign(
        &["localhost", "127.0.0.1"],
        ExtendedKeyUsagePurpose::ServerAuth,
    )?;
    write(folder, "server", &server)?;
    let client = |authority: &Authority, who: &str| {
        let name = certificate_name(who);
        authority.sign(&[&name], ExtendedKeyUsagePurpose::ClientAuth)
    };
    for who in managers().into_iter().chain([READER, ADMIN]) {
        write(folder, who, &client(&authority, who)?)?;
    }
    let stranger = client(&Authority::new()?, "bluegreen-manager")?;
    write(folder, "stranger", &stranger)
}

fn write(folder: &Path, name: &str, identity: &Identity) -> Result<()> {
    std::fs::write(folder.join(format!("{name}.crt")), &identity.certificate)?;
    std::fs::write(folder.join(format!("{name}.key")), &identity.key)?;
    Ok(())
}

/// The kinds of events, in order, each with a line of its own: what a failure shows.
#[must_use]
pub fn listed(events: &[Event]) -> String {
    events.iter().fold(String::new(), |mut text, event| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} {} {}", event.time, event.subject, event.kind);
        text
    })
}
