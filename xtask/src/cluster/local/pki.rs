//! The cluster's certificates and the kubeconfigs that use them.

use std::fs;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use super::layout::Layout;
use super::plan::{NodePlan, Plan};
use super::process::write_private;

/// Who a certificate is for, as Kubernetes reads it.
struct Subject<'a> {
    /// The name of its files.
    file: &'a str,
    /// The user's name.
    user: &'a str,
    /// The user's group, if any.
    group: Option<&'a str>,
    /// The names and addresses that a server with it answers to.
    names: Vec<String>,
}

/// The users of the control plane, each with a kubeconfig `etc/FILE.conf`: file, user, group.
const USERS: [(&str, &str, Option<&str>); 7] = [
    ("admin", "admin", Some("system:masters")),
    ("controller-manager", "system:kube-controller-manager", None),
    ("scheduler", "system:kube-scheduler", None),
    ("proxy", "system:kube-proxy", None),
    ("kwok", "kwok", Some("system:masters")),
    ("cilium", "cilium", Some("system:masters")),
    ("ingress", "ingress", Some("system:masters")),
];

/// Makes what is missing of the authority, the certificates and the kubeconfigs, for the control
/// plane and nodes 1 to `nodes`. What is there stays as it is.
///
/// # Errors
/// A file can't be written, or the authority's key can't be read.
pub(super) fn ensure(layout: &Layout, plan: Plan, nodes: u8) -> Result<()> {
    let authority = authority(layout)?;
    service_account_key(layout)?;
    let host = plan.host().to_string();
    let mut names: Vec<String> = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "localhost",
    ]
    .map(str::to_owned)
    .into();
    names.extend(["kubernetes.default.svc.cluster.local".into(), host.clone()]);
    names.push(plan.api_service().to_string());
    issue(layout, &authority, &server("apiserver", names))?;
    let etcd = server("etcd", vec![host, "localhost".into()]);
    issue(layout, &authority, &etcd)?;
    for (file, user, group) in USERS {
        let names = Vec::new();
        let subject = Subject {
            file,
            user,
            group,
            names,
        };
        issue(layout, &authority, &subject)?;
        kubeconfig(layout, plan, file)?;
    }
    write_private(
        &layout.kubeconfig(),
        &kubeconfig_text(layout, plan, "admin"),
    )?;
    for node in plan.nodes(nodes) {
        kubelet(layout, &authority, plan, node)?;
    }
    Ok(())
}

/// The name of a node's certificate and kubeconfig.
pub(super) fn kubelet_file(node: NodePlan) -> String {
    format!("kubelet-{}", node.number())
}

fn kubelet(layout: &Layout, authority: &Authority, plan: Plan, node: NodePlan) -> Result<()> {
    let file = kubelet_file(node);
    let user = format!("system:node:{}", node.name());
    let names = vec![node.name(), node.address().to_string()];
    let group = Some("system:nodes");
    let subject = Subject {
        file: &file,
        user: &user,
        group,
        names,
    };
    issue(layout, authority, &subject)?;
    kubeconfig(layout, plan, &file)
}

fn server(file: &str, names: Vec<String>) -> Subject<'_> {
    Subject {
        file,
        user: file,
        group: None,
        names,
    }
}

type Authority = Issuer<'static, KeyPair>;

/// The authority, which is made when its key isn't there.
fn authority(layout: &Layout) -> Result<Authority> {
    let (key_file, certificate_file) = (layout.pki("ca.key"), layout.pki("ca.crt"));
    let mut parameters = parameters(&[])?;
    parameters
        .distinguished_name
        .push(DnType::CommonName, "restapi-cluster");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    if !certificate_file.is_file() {
        let key = KeyPair::generate()?;
        write_private(&key_file, &key.serialize_pem())?;
        // The certificate comes last: with it, all of the authority is there.
        write_private(&certificate_file, &parameters.self_signed(&key)?.pem())?;
    }
    let text = fs::read_to_string(&key_file)
        .with_context(|| format!("can't read {}", key_file.display()))?;
    let key = KeyPair::from_pem(&text)
        .with_context(|| format!("{} is damaged: `cargo xtask down`", key_file.display()))?;
    Ok(Issuer::new(parameters, key))
}

fn parameters(names: &[String]) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(names.to_vec())?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    // The authority lives as long as the cluster on this machine: nothing renews certificates.
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(2120, 1, 1);
    Ok(parameters)
}

/// The key that signs the tokens of service accounts, and the one that verifies them, which is
/// written last.
fn service_account_key(layout: &Layout) -> Result<()> {
    let public = layout.pki("sa.pub");
    if public.is_file() {
        return Ok(());
    }
    let key = KeyPair::generate()?;
    write_private(&layout.pki("sa.key"), &key.serialize_pem())?;
    write_private(&public, &key.public_key_pem())
}

fn issue(layout: &Layout, authority: &Authority, subject: &Subject<'_>) -> Result<()> {
    let certificate_file = layout.pki(&format!("{}.crt", subject.file));
    if certificate_file.is_file() {
        return Ok(());
    }
    let key = KeyPair::generate()?;
    let mut parameters = parameters(&subject.names)?;
    parameters
        .distinguished_name
        .push(DnType::CommonName, subject.user);
    if let Some(group) = subject.group {
        parameters
            .distinguished_name
            .push(DnType::OrganizationName, group);
    }
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let certificate = parameters.signed_by(&key, authority)?;
    write_private(
        &layout.pki(&format!("{}.key", subject.file)),
        &key.serialize_pem(),
    )?;
    write_private(&certificate_file, &certificate.pem())
}

fn kubeconfig(layout: &Layout, plan: Plan, file: &str) -> Result<()> {
    let text = kubeconfig_text(layout, plan, file);
    write_private(&layout.config(&format!("{file}.conf")), &text)
}

/// A kubeconfig for the user with this certificate.
fn kubeconfig_text(layout: &Layout, plan: Plan, file: &str) -> String {
    let name = "restapi";
    let (authority, certificate, key) = (
        layout.pki("ca.crt"),
        layout.pki(&format!("{file}.crt")),
        layout.pki(&format!("{file}.key")),
    );
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {
            "server": format!("https://{}:6443", plan.host()),
            "certificate-authority": authority,
        }}],
        "users": [{"name": file, "user": {"client-certificate": certificate, "client-key": key}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": file}}],
        "current-context": name,
    });
    // JSON is YAML.
    format!("{config:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn certificates_are_made_once_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        ensure(&layout, Plan::new(0), 1).unwrap();
        let first = fs::read(layout.pki("kubelet-1.crt")).unwrap();
        ensure(&layout, Plan::new(0), 2).unwrap();
        assert_eq!(fs::read(layout.pki("kubelet-1.crt")).unwrap(), first);
        assert!(layout.pki("kubelet-2.crt").is_file());
        let mode = fs::metadata(layout.pki("ca.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_kubeconfig_names_the_server_and_the_files() {
        let layout = Layout::new(std::path::Path::new("/state"));
        let text = kubeconfig_text(&layout, Plan::new(1), "admin");
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            config["clusters"][0]["cluster"]["server"],
            "https://172.30.1.1:6443"
        );
        assert_eq!(
            config["users"][0]["user"]["client-key"],
            "/state/pki/admin.key"
        );
    }
}
