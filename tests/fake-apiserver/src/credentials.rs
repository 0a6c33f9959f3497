//! The certificate and the token, and the files in which clients find them.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::json;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::object::new_uid;

/// Names by which pods know the API server.
const NAMES: [&str; 7] = [
    "kubernetes.default.svc.cluster.local",
    "kubernetes.default.svc",
    "kubernetes.default",
    "kubernetes",
    "localhost",
    "127.0.0.1",
    "::1",
];

/// A certificate authority, a certificate of the server, and the token of the one user.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    authority: String,
    certificate: String,
    key: String,
    pub(super) token: String,
}

/// The files of a kept set, in the order of the fields.
const FILES: [&str; 4] = ["ca.crt", "tls.crt", "tls.key", "token"];

impl Credentials {
    pub(super) fn new(address: SocketAddr, names: &[String]) -> Result<Self> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate()?;
        let authority_certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let mut all: Vec<String> = NAMES.map(str::to_owned).to_vec();
        all.push(address.ip().to_string());
        all.extend_from_slice(names);
        all.sort();
        all.dedup();
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(all)?.signed_by(&key, &issuer)?;
        Ok(Self {
            authority: authority_certificate.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            token: new_uid(),
        })
    }

    /// Those of a directory, so that a server that starts again is the same to its clients; they
    /// are made when there are none.
    pub(super) fn kept(dir: &Path, address: SocketAddr, names: &[String]) -> Result<Self> {
        if FILES.iter().all(|name| dir.join(name).is_file()) {
            let [authority, certificate, key, token] = FILES.map(|name| {
                let path = dir.join(name);
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
            });
            return Ok(Self {
                authority: authority?,
                certificate: certificate?,
                key: key?,
                token: token?,
            });
        }
        let new = Self::new(address, names)?;
        let contents = [&new.authority, &new.certificate, &new.key, &new.token];
        for (name, content) in FILES.iter().zip(contents) {
            write(&dir.join(name), content)?;
        }
        Ok(new)
    }

    pub(super) fn acceptor(&self) -> Result<TlsAcceptor> {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes())
            .context("the server's certificate")?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).context("the server's key")?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .context("TLS versions")?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .context("the server's certificate")?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// A kubeconfig with everything in it.
    pub(super) fn write_kubeconfig(&self, file: &Path, server: SocketAddr) -> Result<()> {
        let authority = BASE64_STANDARD.encode(&self.authority);
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": format!("https://{server}"), "certificate-authority-data": authority,
            }}],
            "users": [{"name": "test", "user": {"token": self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        // JSON is YAML.
        write(file, &format!("{config:#}\n"))
    }

    /// What the kubelet mounts at `/var/run/secrets/kubernetes.io/serviceaccount`.
    pub(super) fn write_service_account(&self, dir: &Path, namespace: &str) -> Result<()> {
        write(&dir.join("token"), &self.token)?;
        write(&dir.join("ca.crt"), &self.authority)?;
        write(&dir.join("namespace"), namespace)
    }
}

/// Replaces a file in one step, and makes its directory.
fn write(file: &Path, content: &str) -> Result<()> {
    let dir = file.parent().context("a file is in a directory")?;
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let partial = file.with_extension("partial");
    fs::write(&partial, content)
        .and_then(|()| fs::rename(&partial, file))
        .with_context(|| format!("cannot write {}", file.display()))
}
