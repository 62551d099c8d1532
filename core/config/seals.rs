//! `seals/*.toml`: with which key documents and receipts are signed, and how.

use super::files::{name_of, read_folder_texts, read_named};
use super::reader::{Faults, Place, Placed, Source, Table};
use rohrpost_kit::settings::Secrets;
use rohrpost_model::ports::{ReceiptSigner, Seal, SealForm};
use rohrpost_model::{Fault, SealName, Timestamp};
use rohrpost_seal::{
    DigestAlgorithm, KeyFault, KeyMaterial, MINIMUM_RSA_BITS, SealConfig, SignatureScheme, XmlDsigOptions,
    receipt_signer, seal_from_config,
};
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The forms that a configuration knows. A JWS signs receipts, the others documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Signs documents.
    Document(SealForm),
    /// Signs receipts.
    Receipt,
}

const FORMS: [(&str, Form); 3] = [
    ("xml-dsig", Form::Document(SealForm::XmlDsig)),
    ("cms", Form::Document(SealForm::Cms)),
    ("jws", Form::Receipt),
];
const DIGESTS: [(&str, DigestAlgorithm); 3] = [
    ("sha256", DigestAlgorithm::Sha256),
    ("sha384", DigestAlgorithm::Sha384),
    ("sha512", DigestAlgorithm::Sha512),
];
const SIGNATURES: [(&str, SignatureScheme); 3] = [
    ("rsa-pss", SignatureScheme::RsaPss),
    ("rsa-pkcs1", SignatureScheme::RsaPkcs1),
    ("ecdsa", SignatureScheme::Ecdsa),
];

/// A seal, ready to sign.
pub enum Signer {
    /// Documents.
    Document(Arc<dyn Seal>),
    /// Receipts.
    Receipt(Arc<dyn ReceiptSigner>),
}

/// A seal as written, and ready if its key can be used.
pub struct SealDraft {
    /// Its name.
    pub name: Placed<SealName>,
    /// Its form, if it can be read.
    pub form: Option<Form>,
    /// Ready to sign.
    pub signer: Option<Signer>,
}

impl SealDraft {
    /// Reads one file and the key it names; both are judged at `now`.
    pub fn read(source: &Source, read: &KeyReading<'_>, faults: &Faults) -> Option<Self> {
        let tree = source.parse(faults);
        let table = Table::whole(source, &tree, faults);
        let name = name_of(source, &table);
        let form = table.must("form").word(&FORMS).map(|form| form.value);
        let key = read.key(&table);
        let options = read_options(&table, form);
        table.end(&[]);
        let signer = key.zip(form).and_then(|((key, at), form)| {
            let built = build(form, key, &options, read.now);
            built.map_err(|fault| faults.note(at.fault(fault.0))).ok()
        });
        Some(Self { name: name?, form, signer })
    }
}

/// A signer of files (CMS) with the key of the seal in `folder`, whatever form its documents have; `None` where there is no
/// such seal.
pub fn file_signer(
    folder: &Path,
    name: &SealName,
    secrets: &dyn Secrets,
    now: Timestamp,
) -> Result<Option<Arc<dyn Seal>>, Vec<Fault>> {
    let file = format!("seals/{name}.toml");
    let Some(text) = read_folder_texts(folder).remove(&file) else { return Ok(None) };
    let (source, faults) = (Source { name: file.into(), text }, Faults::default());
    let tree = source.parse(&faults);
    let table = Table::whole(&source, &tree, &faults);
    let bits = table.may("minimum-rsa-bits").number(2048..=16_384);
    let minimum_rsa_bits = bits.map_or(MINIMUM_RSA_BITS, |bits| bits.value);
    let options = Options { xml: XmlDsigOptions::default(), cades: true, minimum_rsa_bits };
    let key = KeyReading { folder, secrets, now }.key(&table);
    let signer = key.and_then(|(key, at)| {
        let built = build(Form::Document(SealForm::Cms), key, &options, now);
        built.map_err(|fault| faults.note(at.fault(fault.0))).ok()
    });
    match (faults.sorted(), signer) {
        (found, Some(Signer::Document(seal))) if found.is_empty() => Ok(Some(seal)),
        (found, _) => Err(found),
    }
}

/// How documents are signed, as far as a seal's file says it.
struct Options {
    xml: XmlDsigOptions,
    cades: bool,
    minimum_rsa_bits: u32,
}

fn read_options(table: &Table<'_>, form: Option<Form>) -> Options {
    let digest = table.may("digest").word(&DIGESTS).map(|digest| digest.value);
    let signature = table.may("signature").word(&SIGNATURES).map(|signature| signature.value);
    let cades = table.may("cades").flag();
    let bits = table.may("minimum-rsa-bits").number(2048..=16_384);
    let only = |key, wanted, form_name| {
        if form.is_some_and(|form| form != wanted) && table.leave(key) {
            let fault = table.place_of(key).fault(format!("`{key}` is for the form `{form_name}` only"));
            table.faults().note(fault.hint("take it out; the key decides"));
        }
    };
    only("digest", Form::Document(SealForm::XmlDsig), "xml-dsig");
    only("signature", Form::Document(SealForm::XmlDsig), "xml-dsig");
    only("cades", Form::Document(SealForm::Cms), "cms");
    Options {
        xml: XmlDsigOptions { digest: digest.unwrap_or_default(), signature },
        cades: cades.is_none_or(|cades| cades.value),
        minimum_rsa_bits: bits.map_or(MINIMUM_RSA_BITS, |bits| bits.value),
    }
}

fn build(form: Form, key: KeyMaterial, options: &Options, now: Timestamp) -> Result<Signer, KeyFault> {
    let Form::Document(form) = form else {
        return receipt_signer(&key, options.minimum_rsa_bits, now).map(Signer::Receipt);
    };
    let Options { xml, cades, minimum_rsa_bits } = *options;
    seal_from_config(&SealConfig { form, key, xml, cades, minimum_rsa_bits }, now).map(Signer::Document)
}

/// What reading a key needs.
pub struct KeyReading<'a> {
    /// Where relative paths start.
    pub folder: &'a Path,
    /// Fetches keys and passwords.
    pub secrets: &'a dyn Secrets,
    /// Judges certificates.
    pub now: Timestamp,
}

impl KeyReading<'_> {
    /// The key, its certificate and their password, and the place that names the key.
    fn key(&self, table: &Table<'_>) -> Option<(KeyMaterial, Place)> {
        let certificate = table.may("certificate").text::<PathBuf>();
        let named = certificate.is_some();
        let certificates = certificate.and_then(|path| read_named(self.folder, &path, table.faults()));
        let password = self.secret(table, "password");
        let (key, at) = self.key_bytes(table)?;
        // A certificate that was named and cannot be read is a fault already; so is a password.
        let unread = named && certificates.is_none() || table.leave("password") && password.is_none();
        (!unread).then_some((KeyMaterial { key, certificates, password }, at))
    }

    fn key_bytes(&self, table: &Table<'_>) -> Option<(Zeroizing<Vec<u8>>, Place)> {
        let (pem, pkcs12) = (table.may("key"), table.may("pkcs12"));
        if pem.is_there() == pkcs12.is_there() {
            let fault = table.place().fault("a seal has either `key` or `pkcs12`");
            table
                .faults()
                .note(fault.hint("give key = { file = \"….pem\" }, or pkcs12 = \"….p12\" with its password"));
        }
        if pem.is_there() {
            let key = self.secret(table, "key")?;
            return Some((Zeroizing::new(key.expose_secret().as_bytes().to_vec()), pem.place()?));
        }
        let path = pkcs12.text::<PathBuf>()?;
        let bytes = read_named(self.folder, &path, table.faults())?;
        Some((Zeroizing::new(bytes), path.at))
    }

    fn secret(&self, table: &Table<'_>, key: &'static str) -> Option<SecretString> {
        let reference = table.may(key).secret()?;
        let resolved = reference.resolve(self.secrets);
        resolved.map_err(|message| table.faults().note(reference.at.fault(message))).ok()
    }
}
