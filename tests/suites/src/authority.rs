//! An authority of a test's own, and the certificates that it issues.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// An authority that certificates of a test are issued by.
pub struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl Authority {
    /// A new one, which nobody else trusts.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        Ok(Self {
            certificate,
            issuer,
        })
    }

    /// A certificate for a server of this name.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn issue(&self, host: &str) -> Result<Identity> {
        self.sign(&[host], ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate of these names, for that use.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn sign(&self, names: &[&str], usage: ExtendedKeyUsagePurpose) -> Result<Identity> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Its own certificate: whoever trusts it trusts what it issues.
    #[must_use]
    pub const fn certificate(&self) -> &rcgen::Certificate {
        &self.certificate
    }
}
