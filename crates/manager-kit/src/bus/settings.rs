//! The arguments that say where NATS is.

use std::path::PathBuf;

use async_nats::ServerAddr;
use clap::Args;

/// Where NATS is, and who connects there.
#[derive(Clone, Debug, Default, Args)]
pub struct NatsArgs {
    /// Addresses of NATS, such as `tls://nats.nats.svc:4222`, with commas between them. Not set or empty: no events are
    /// told or heard.
    #[arg(long, env = "NATS_URL", value_parser = address, value_delimiter = ',', value_name = "URL")]
    pub nats_url: Vec<Address>,

    /// File with the certificates of those who may sign NATS's own. Not set: those that the system trusts.
    #[arg(long, env = "NATS_CA_FILE", value_name = "FILE")]
    pub nats_ca_file: Option<PathBuf>,

    /// File with the certificate that this manager shows NATS, read again at each connection.
    #[arg(
        long,
        env = "NATS_CERT_FILE",
        requires = "nats_key_file",
        value_name = "FILE"
    )]
    pub nats_cert_file: Option<PathBuf>,

    /// File with that certificate's private key.
    #[arg(
        long,
        env = "NATS_KEY_FILE",
        requires = "nats_cert_file",
        value_name = "FILE"
    )]
    pub nats_key_file: Option<PathBuf>,

    /// How many servers keep the stream of events, where it has to be made: 1, 3 or 5.
    #[arg(long, env = "NATS_STREAM_REPLICAS", default_value_t = 1,
          value_parser = clap::value_parser!(u8).range(1..=5), value_name = "COUNT")]
    pub nats_stream_replicas: u8,
}

/// An address; none for an empty text, as an environment variable without a value has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(pub Option<ServerAddr>);

impl NatsArgs {
    /// The addresses, none where there are to be no events.
    #[must_use]
    pub fn addresses(&self) -> Vec<ServerAddr> {
        let given = self.nats_url.iter();
        given.filter_map(|address| address.0.clone()).collect()
    }
}

fn address(text: &str) -> Result<Address, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Address(None));
    }
    let parsed: ServerAddr = text
        .parse()
        .map_err(|error| format!("{error}; write it like tls://nats.nats.svc:4222"))?;
    if parsed.has_user_pass() {
        return Err(
            "it holds a password, which would show in the pod; use --nats-cert-file".to_owned(),
        );
    }
    Ok(Address(Some(parsed)))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        nats: NatsArgs,
    }

    fn parse(arguments: &[&str]) -> Result<NatsArgs, String> {
        let arguments = std::iter::once("manager").chain(arguments.iter().copied());
        let parsed = Cli::try_parse_from(arguments).map(|cli| cli.nats);
        parsed.map_err(|error| error.to_string())
    }

    #[test]
    fn without_an_address_there_are_no_events() {
        assert!(parse(&[]).unwrap().addresses().is_empty());
        assert!(parse(&["--nats-url="]).unwrap().addresses().is_empty());
        let two = parse(&["--nats-url=tls://a:4222,tls://b:4222"]).unwrap();
        assert_eq!(two.addresses().len(), 2);
    }

    #[test]
    fn what_can_not_work_is_refused_at_the_start() {
        for (arguments, why) in [
            (vec!["--nats-url=http://nats"], "write it like tls://"),
            (vec!["--nats-url=nats://u:secret@nats"], "a password"),
            (vec!["--nats-cert-file=a.crt"], "--nats-key-file"),
            (vec!["--nats-stream-replicas=6"], "1..=5"),
        ] {
            let refused = parse(&arguments).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
