//! What the gateway shows to clients that speak to it over TLS.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::path::Path;

/// The file with the authority that signed the certificate, which nobody else knows.
pub(crate) const AUTHORITY: &str = "authority.pem";

/// Writes a certificate for this machine (`gateway.pem`), its key (`gateway.key`) and the authority's own certificate.
pub(crate) fn write(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "the authority of the SDK tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    std::fs::write(folder.join(AUTHORITY), params.self_signed(&key).unwrap().pem()).unwrap();
    let authority = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    // Later versions of Python ask for it.
    params.use_authority_key_identifier_extension = true;
    std::fs::write(folder.join("gateway.pem"), params.signed_by(&key, &authority).unwrap().pem()).unwrap();
    std::fs::write(folder.join("gateway.key"), key.serialize_pem()).unwrap();
}
