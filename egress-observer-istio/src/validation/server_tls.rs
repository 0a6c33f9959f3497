//! `tls` of a Sidecar's ingress listener (`ValidateSidecar`, `validateTLSOptions`).

use super::refusal::{Refusals, RefusedPart};
use crate::{objects::ServerTls, rules::Version, vocabulary::PortProtocol};

/// Since when several certificates are refused: before, nobody knows of them.
const SEVERAL: Version = Version(27);

/// What a sidecar cannot do as a server, and certificates that are missing.
pub(super) fn server_tls(
    tls: &ServerTls,
    protocol: &str,
    field: &str,
    version: Version,
    found: &mut Refusals,
) {
    const MODES: [&str; 7] = [
        "",
        "PASSTHROUGH",
        "SIMPLE",
        "MUTUAL",
        "AUTO_PASSTHROUGH",
        "ISTIO_MUTUAL",
        "OPTIONAL_MUTUAL",
    ];
    let mode = tls.mode.as_str();
    if !MODES.contains(&mode) {
        let message = format!("Istio knows no mode `{mode}`");
        add(
            "mode",
            mode,
            &message,
            "write SIMPLE, MUTUAL or PASSTHROUGH",
            field,
            found,
        );
    } else if ["ISTIO_MUTUAL", "AUTO_PASSTHROUGH"].contains(&mode) {
        let message = format!("mode {mode} is not for a Sidecar's listeners");
        add(
            "mode",
            mode,
            &message,
            "write SIMPLE or MUTUAL",
            field,
            found,
        );
    }
    if PortProtocol::parse(protocol) != PortProtocol::Tls {
        let message = format!("a {protocol} port carries no TLS");
        add(
            "mode",
            mode,
            &message,
            "write protocol HTTPS or TLS, or remove tls",
            field,
            found,
        );
    }
    unsupported(tls, field, version, found);
    if !["ISTIO_MUTUAL", "AUTO_PASSTHROUGH"].contains(&mode) {
        certificates(tls, field, found);
    }
}

fn add(name: &str, value: &str, message: &str, fix: &str, field: &str, found: &mut Refusals) {
    found.add(
        RefusedPart::Ingress,
        format!("{field}.{name}"),
        value,
        message,
        fix,
    );
}

/// What gateways have, and sidecars have not.
fn unsupported(tls: &ServerTls, field: &str, version: Version, found: &mut Refusals) {
    let several = version >= SEVERAL;
    let n_certificates = match tls.tls_certificates.len() {
        0 => String::new(),
        n => n.to_string(),
    };
    let redirect = if tls.https_redirect { "true" } else { "" };
    for (name, value) in [
        ("subjectAltNames", tls.subject_alt_names.join(",")),
        ("httpsRedirect", redirect.to_owned()),
        ("credentialName", tls.credential_name.clone()),
        ("credentialNames", tls.credential_names.join(",")),
        ("tlsCertificates", n_certificates),
    ] {
        let counts = several || !["credentialNames", "tlsCertificates"].contains(&name);
        if !value.is_empty() && counts {
            let message = format!("a Sidecar's listener has no {name}");
            add(
                name,
                &value,
                &message,
                "remove it; certificates are files",
                field,
                found,
            );
        }
    }
}

/// Certificates that a mode needs. Where they come from a secret that is said elsewhere to be wrong.
fn certificates(tls: &ServerTls, field: &str, found: &mut Refusals) {
    let mode = tls.mode.as_str();
    let mutual = ["MUTUAL", "OPTIONAL_MUTUAL"].contains(&mode);
    let by_secret = !tls.credential_name.is_empty() || !tls.credential_names.is_empty();
    if (mutual || mode == "SIMPLE") && !by_secret {
        let missing = [
            ("caCertificates", mutual && tls.ca_certificates.is_empty()),
            (
                "serverCertificate",
                tls.tls_certificates.is_empty() && tls.server_certificate.is_empty(),
            ),
            (
                "privateKey",
                tls.tls_certificates.is_empty() && tls.private_key.is_empty(),
            ),
        ];
        for (name, _) in missing.into_iter().filter(|(_, missing)| *missing) {
            let message = format!("mode {mode} needs {name}");
            add(
                name,
                "",
                &message,
                "write the path of the file",
                field,
                found,
            );
        }
    }
    if !tls.ca_crl.is_empty() && mode == "SIMPLE" {
        let message =
            "mode SIMPLE asks for no client certificate, and so for no list of revoked ones";
        add(
            "caCrl",
            &tls.ca_crl,
            message,
            "remove it, or write mode MUTUAL",
            field,
            found,
        );
    }
}
