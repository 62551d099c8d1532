//! The secrets of the shipped configuration, made at its first start.
//!
//! Nothing secret is shipped: each installation of the demo has keys, tokens and certificates of its own. They are
//! good for trying out only, so a configuration with `demo = true` serves loopback addresses and no others.

use super::files::write_whole;
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::rand::rand_bytes;
use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectKeyIdentifier};
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef, X509Ref};
use rohrpost_model::Timestamp;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder of secrets, in the configuration folder. Not under version control.
pub const SECRETS: &str = "secrets";

/// The folder of trust anchors, for `rohrpost verify --trust`, in [`SECRETS`].
const TRUST: &str = "trust";
const CA_KEY: &str = "ca.key";
const CA_CERTIFICATE: &str = "trust/demo-ca.pem";

/// 32 random bytes each, as 64 hexadecimal digits.
const RANDOM: [&str; 4] = ["hub.key", "portal.token", "operator.token", "enaio.password"];

/// File stem and common name of each signer.
const SIGNERS: [(&str, &str); 2] =
    [("siegel", "Rohrpost Demo Siegel"), ("quittung", "Rohrpost Demo Quittung")];

/// How long the demo's certificates are valid, in seconds.
const VALID_SECONDS: i64 = 5 * 365 * 24 * 3600;

/// Why the demo's secrets could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoFault {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key or certificate could not be made.
    #[error("keys and certificates of the demo cannot be made: {0}")]
    Crypto(#[from] ErrorStack),
}

/// Makes what is missing of the demo's secrets in `folder`/secrets: hub key, tokens of the clients `portal` and
/// `operator`, password of the simulated DMS, a small CA, and the keys and certificates `siegel` and `quittung` that it
/// issued. What is there stays as it is. Every file is readable by its owner only and appears whole or not at all.
pub fn demo_secrets(folder: &Path, now: Timestamp) -> Result<(), DemoFault> {
    let folder = SecretFolder(folder.join(SECRETS));
    folder.create()?;
    for name in RANDOM {
        if folder.lacks(name) {
            folder.write(name, random_hex()?.as_bytes())?;
        }
    }
    // What another CA issued would not lead to the new anchor.
    let all = folder.lacks_ca();
    let ca = if all { Issuer::make(&folder, now)? } else { Issuer::read(&folder)? };
    for (stem, common_name) in SIGNERS.iter().filter(|(stem, _)| all || folder.lacks_identity(stem)) {
        ca.issue(&folder, stem, common_name, now)?;
    }
    Ok(())
}

struct SecretFolder(PathBuf);

impl SecretFolder {
    fn create(&self) -> Result<(), DemoFault> {
        for path in [self.0.clone(), self.0.join(TRUST)] {
            let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
            created.map_err(|source| DemoFault::File { path, source })?;
        }
        Ok(())
    }

    fn lacks(&self, name: &str) -> bool {
        !self.0.join(name).exists()
    }

    /// A key without its certificate, or the other way round, is of no use: both are made anew.
    fn lacks_identity(&self, stem: &str) -> bool {
        self.lacks(&format!("{stem}.key")) || self.lacks(&format!("{stem}.pem"))
    }

    fn lacks_ca(&self) -> bool {
        self.lacks(CA_KEY) || self.lacks(CA_CERTIFICATE)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, DemoFault> {
        let path = self.0.join(name);
        fs::read(&path).map_err(|source| DemoFault::File { path, source })
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), DemoFault> {
        let path = self.0.join(name);
        write_whole(&path, content, 0o600).map_err(|source| DemoFault::File { path, source })
    }
}

fn random_hex() -> Result<String, ErrorStack> {
    let mut bytes = [0; 32];
    rand_bytes(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The demo's own certification authority.
struct Issuer {
    key: PKey<Private>,
    certificate: X509,
}

impl Issuer {
    fn read(folder: &SecretFolder) -> Result<Self, DemoFault> {
        let key = PKey::private_key_from_pem(&folder.read(CA_KEY)?)?;
        Ok(Self { key, certificate: X509::from_pem(&folder.read(CA_CERTIFICATE)?)? })
    }

    fn make(folder: &SecretFolder, now: Timestamp) -> Result<Self, DemoFault> {
        let key = new_key()?;
        let name = named("Rohrpost Demo CA")?;
        let certificate = certificate(&Request { subject: &name, key: &key, issuer: None }, now)?;
        folder.write(CA_KEY, &key.private_key_to_pem_pkcs8()?)?;
        folder.write(CA_CERTIFICATE, &certificate.to_pem()?)?;
        Ok(Self { key, certificate })
    }

    fn issue(&self, folder: &SecretFolder, stem: &str, name: &str, now: Timestamp) -> Result<(), DemoFault> {
        let key = new_key()?;
        let subject = named(name)?;
        let request = Request { subject: &subject, key: &key, issuer: Some((&self.certificate, &self.key)) };
        let certificate = certificate(&request, now)?;
        folder.write(&format!("{stem}.key"), &key.private_key_to_pem_pkcs8()?)?;
        folder.write(&format!("{stem}.pem"), &certificate.to_pem()?)
    }
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn named(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, "Landkreis Beispiel (Demo)")?;
    Ok(name.build())
}

/// What a certificate is made of; without an issuer it is a CA that vouches for itself.
struct Request<'a> {
    subject: &'a X509NameRef,
    key: &'a PKeyRef<Private>,
    issuer: Option<(&'a X509Ref, &'a PKeyRef<Private>)>,
}

fn certificate(request: &Request<'_>, now: Timestamp) -> Result<X509, ErrorStack> {
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*random_serial()?)?;
    builder.set_subject_name(request.subject)?;
    builder.set_issuer_name(request.issuer.map_or(request.subject, |(issuer, _)| issuer.subject_name()))?;
    builder.set_pubkey(request.key)?;
    builder.set_not_before(&*Asn1Time::from_unix(now.as_second())?)?;
    builder.set_not_after(&*Asn1Time::from_unix(now.as_second() + VALID_SECONDS)?)?;
    add_usage(&mut builder, request.issuer.is_none())?;
    builder.sign(request.issuer.map_or(request.key, |(_, key)| key), MessageDigest::sha256())?;
    Ok(builder.build())
}

fn add_usage(builder: &mut X509Builder, ca: bool) -> Result<(), ErrorStack> {
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(identifier)?;
    let mut constraints = BasicConstraints::new();
    let mut usage = KeyUsage::new();
    if ca {
        builder.append_extension(constraints.critical().ca().pathlen(0).build()?)?;
        return builder.append_extension(usage.critical().key_cert_sign().build()?);
    }
    builder.append_extension(constraints.critical().build()?)?;
    builder.append_extension(usage.critical().digital_signature().non_repudiation().build()?)
}

/// 128 bits, as the CA/Browser Forum's baseline asks for at least 64.
fn random_serial() -> Result<Asn1Integer, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    serial.to_asn1_integer()
}
