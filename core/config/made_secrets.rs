//! Secrets that are made where there are none: those of the demo at its first start, and those of a fresh configuration.
//!
//! Nothing secret is shipped: each installation has keys, tokens and certificates of its own. Those of the demo are good for
//! trying out only, so a configuration with `demo = true` serves loopback addresses and no others.

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

/// Which secrets are made.
struct Wanted<'a> {
    /// Files of 32 random bytes each, as 64 hexadecimal digits.
    random: &'a [&'a str],
    /// File stem and common name of each signer.
    signers: &'a [(&'a str, &'a str)],
    /// The common name of the CA that issues their certificates.
    authority: &'a str,
    /// The file of its certificate.
    anchor: &'a str,
    /// Who stands in all of the certificates.
    organisation: &'a str,
}

const DEMO: Wanted<'_> = Wanted {
    random: &[
        "hub.key",
        "portal.token",
        "operator.token",
        "strassenamt.token",
        "enaio.password",
        "bezahlung.password",
    ],
    signers: &[("siegel", "Rohrpost Demo Siegel"), ("quittung", "Rohrpost Demo Quittung")],
    authority: "Rohrpost Demo CA",
    anchor: "trust/demo-ca.pem",
    organisation: "Landkreis Beispiel (Demo)",
};

/// So long may a name in a certificate be, in characters (RFC 5280, appendix A.1, ub-organization-name).
const LONGEST_NAME: usize = 64;

/// How long the certificates are valid, in seconds.
const VALID_SECONDS: i64 = 5 * 365 * 24 * 3600;

/// Why secrets could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SecretsFault {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key or certificate could not be made.
    #[error("keys and certificates cannot be made: {0}")]
    Crypto(#[from] ErrorStack),
}

/// Makes what is missing of the demo's secrets in `folder`/secrets: hub key, tokens of the clients `portal`,
/// `operator` and `strassenamt`, passwords of the simulated DMS and payment provider, a small CA, and the keys and certificates `siegel` and `quittung` that it
/// issued. What is there stays as it is. Every file is readable by its owner only and appears whole or not at all.
pub fn demo_secrets(folder: &Path, now: Timestamp) -> Result<(), SecretsFault> {
    make(&DEMO, folder, now)
}

/// The same for a fresh configuration of `organisation`: hub key, tokens of the clients `portal` and `operator`, a CA of its
/// own, and the keys and certificates `siegel` and `quittung`.
pub fn fresh_secrets(folder: &Path, organisation: &str, now: Timestamp) -> Result<(), SecretsFault> {
    let organisation: String = organisation.chars().take(LONGEST_NAME).collect();
    let wanted = Wanted {
        random: &["hub.key", "portal.token", "operator.token"],
        signers: &[("siegel", "Rohrpost Siegel"), ("quittung", "Rohrpost Quittung")],
        authority: "Rohrpost eigene CA",
        anchor: "trust/eigene-ca.pem",
        organisation: &organisation,
    };
    make(&wanted, folder, now)
}

/// Makes those of these random secrets that `folder`/secrets lacks; the paths of what was made.
pub fn random_secrets(folder: &Path, names: &[String]) -> Result<Vec<PathBuf>, SecretsFault> {
    let folder = SecretFolder(folder.join(SECRETS));
    folder.create()?;
    let lacking = names.iter().filter(|name| folder.lacks(name));
    lacking
        .map(|name| {
            folder.write(name, random_hex()?.as_bytes())?;
            Ok(folder.0.join(name))
        })
        .collect()
}

fn make(wanted: &Wanted<'_>, folder: &Path, now: Timestamp) -> Result<(), SecretsFault> {
    let folder = SecretFolder(folder.join(SECRETS));
    folder.create()?;
    for name in wanted.random {
        if folder.lacks(name) {
            folder.write(name, random_hex()?.as_bytes())?;
        }
    }
    // What another CA issued would not lead to the new anchor.
    let all = folder.lacks(CA_KEY) || folder.lacks(wanted.anchor);
    let ca = if all { Issuer::make(&folder, wanted, now)? } else { Issuer::read(&folder, wanted)? };
    for (stem, common_name) in wanted.signers.iter().filter(|(stem, _)| all || folder.lacks_identity(stem)) {
        ca.issue(&folder, stem, common_name, now)?;
    }
    Ok(())
}

struct SecretFolder(PathBuf);

impl SecretFolder {
    fn create(&self) -> Result<(), SecretsFault> {
        for path in [self.0.clone(), self.0.join(TRUST)] {
            let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
            created.map_err(|source| SecretsFault::File { path, source })?;
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

    fn read(&self, name: &str) -> Result<Vec<u8>, SecretsFault> {
        let path = self.0.join(name);
        fs::read(&path).map_err(|source| SecretsFault::File { path, source })
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), SecretsFault> {
        let path = self.0.join(name);
        write_whole(&path, content, 0o600).map_err(|source| SecretsFault::File { path, source })
    }
}

fn random_hex() -> Result<String, ErrorStack> {
    let mut bytes = [0; 32];
    rand_bytes(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A certification authority of the installation's own.
struct Issuer<'a> {
    key: PKey<Private>,
    certificate: X509,
    organisation: &'a str,
}

impl<'a> Issuer<'a> {
    fn read(folder: &SecretFolder, wanted: &Wanted<'a>) -> Result<Self, SecretsFault> {
        let key = PKey::private_key_from_pem(&folder.read(CA_KEY)?)?;
        let certificate = X509::from_pem(&folder.read(wanted.anchor)?)?;
        Ok(Self { key, certificate, organisation: wanted.organisation })
    }

    fn make(folder: &SecretFolder, wanted: &Wanted<'a>, now: Timestamp) -> Result<Self, SecretsFault> {
        let key = new_key()?;
        let name = named(wanted.authority, wanted.organisation)?;
        let certificate = certificate(&Request { subject: &name, key: &key, issuer: None }, now)?;
        folder.write(CA_KEY, &key.private_key_to_pem_pkcs8()?)?;
        folder.write(wanted.anchor, &certificate.to_pem()?)?;
        Ok(Self { key, certificate, organisation: wanted.organisation })
    }

    fn issue(
        &self,
        folder: &SecretFolder,
        stem: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<(), SecretsFault> {
        let key = new_key()?;
        let subject = named(name, self.organisation)?;
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

fn named(common_name: &str, organisation: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, organisation)?;
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
