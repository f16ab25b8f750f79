//! `certificates`: the Secrets with which NATS and those who connect to it know one another.
//!
//! One authority signs all of them and is forgotten: nobody can make more of its kind. To renew them, all are made anew.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use restapi_types::event::{READER, certificate_name, managers};

use crate::args::Certificates;
use crate::failure::Failure;
use crate::output::say;

/// Those who sign are valid for as long as what they sign.
const DAY: i64 = 24;

/// Prints the Secrets, as YAML documents for `kubectl apply`.
///
/// # Errors
/// When they can't be made or printed.
pub fn run(args: &Certificates) -> Result<(), Failure> {
    let secrets = secrets(args, Timestamp::now()).map_err(|error| {
        let why = error.to_string();
        Failure::Usage(format!("the certificates can't be made: {why}"))
    })?;
    let documents = secrets.iter().map(serde_saphyr::to_string);
    let documents: Result<Vec<_>, _> = documents.collect();
    let documents = documents.map_err(|error| Failure::Usage(error.to_string()))?;
    say(&documents.join("---\n"))
}

fn secrets(args: &Certificates, now: Timestamp) -> Result<Vec<Secret>, rcgen::Error> {
    let validity = Validity::new(now, args.days);
    let authority = authority(&validity)?;
    let server = secret(
        &authority,
        &validity,
        (&args.nats_namespace, "nats-tls"),
        server_names(&args.nats_namespace),
        // Servers connect to one another, too.
        vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ],
    )?;
    let mut all = vec![server];
    for who in managers().into_iter().chain([READER]) {
        all.push(secret(
            &authority,
            &validity,
            (&args.managers_namespace, &format!("{who}-nats")),
            vec![certificate_name(who)],
            vec![ExtendedKeyUsagePurpose::ClientAuth],
        )?);
    }
    Ok(all)
}

/// By what the server is reached: in the cluster, by the other servers, and over a forwarded port.
fn server_names(namespace: &str) -> Vec<String> {
    let service = format!("nats.{namespace}.svc");
    vec![
        service.clone(),
        format!("{service}.cluster.local"),
        format!("nats.{namespace}"),
        format!("*.nats-headless.{namespace}.svc"),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
    ]
}

struct Validity {
    from: Timestamp,
    until: Timestamp,
}

impl Validity {
    fn new(now: Timestamp, days: i64) -> Self {
        let hours = SignedDuration::from_hours;
        Self {
            // Clocks differ.
            from: now.saturating_sub(hours(1)).unwrap_or(now),
            until: now.saturating_add(hours(DAY * days)).unwrap_or(now),
        }
    }

    fn of(&self, params: &mut CertificateParams) {
        let time = |at: Timestamp| {
            let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
            let month = u8::try_from(date.month()).unwrap_or(1);
            let day = u8::try_from(date.day()).unwrap_or(1);
            rcgen::date_time_ymd(i32::from(date.year()), month, day)
        };
        params.not_before = time(self.from);
        params.not_after = time(self.until);
    }
}

fn authority(validity: &Validity) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "restapi-events");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    validity.of(&mut params);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn secret(
    authority: &CertifiedIssuer<'static, KeyPair>,
    validity: &Validity,
    (namespace, name): (&str, &str),
    names: Vec<String>,
    usages: Vec<ExtendedKeyUsagePurpose>,
) -> Result<Secret, rcgen::Error> {
    let common = names.first().cloned().unwrap_or_default();
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, common.as_str());
    params.extended_key_usages = usages;
    validity.of(&mut params);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    let data = [
        ("ca.crt", authority.pem()),
        ("tls.crt", certificate.pem()),
        ("tls.key", key.serialize_pem()),
    ];
    let data: BTreeMap<_, _> = data
        .into_iter()
        .map(|(name, text)| (name.to_owned(), ByteString(text.into_bytes())))
        .collect();
    Ok(Secret {
        metadata: ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(data),
        ..Secret::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Vec<Secret> {
        let args = Certificates {
            nats_namespace: "nats".to_owned(),
            managers_namespace: "restapi-system".to_owned(),
            days: 365,
        };
        secrets(&args, "2026-01-02T03:04:05Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn the_server_each_manager_and_readers_have_a_secret_and_all_the_same_authority() {
        let secrets = made();
        let names: Vec<_> = secrets
            .iter()
            .map(|secret| secret.metadata.name.clone().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "nats-tls",
                "bluegreen-manager-nats",
                "core-reconciler-nats",
                "events-reader-nats"
            ]
        );
        let of = |secret: &Secret, key: &str| secret.data.as_ref().unwrap()[key].clone();
        let first = of(&secrets[0], "ca.crt");
        assert!(secrets.iter().all(|secret| of(secret, "ca.crt") == first));
        let keys: std::collections::BTreeSet<_> = secrets
            .iter()
            .map(|secret| of(secret, "tls.key").0)
            .collect();
        assert_eq!(keys.len(), secrets.len(), "each has a key of its own");
    }

    #[test]
    fn what_is_printed_is_what_kubectl_applies() {
        for secret in made() {
            let text = serde_saphyr::to_string(&secret).unwrap();
            assert!(text.contains("kind: Secret") && text.contains("apiVersion: v1"));
            assert!(text.contains("kubernetes.io/tls"));
        }
    }
}
