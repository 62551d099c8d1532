//! Map, send, note.

use super::log::{Log, Record};
use super::{Arguments, STACK};
use crate::{Result, clock};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use rohrpost_mappings::{Bundle, Facts, Limits, Mapping, Xml, XmlLimits};
use rohrpost_model::ports::{Seal, SealForm, Sealed};
use rohrpost_model::{SubmissionId, Timestamp};
use rohrpost_seal::{KeyMaterial, MINIMUM_RSA_BITS, SealConfig, XmlDsigOptions, seal_from_config};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc, oneshot};
use zeroize::Zeroizing;

/// One submission to be mapped and sent.
pub(super) struct Task {
    pub(super) id: SubmissionId,
    pub(super) at: Timestamp,
    pub(super) data: Bytes,
}

/// A task on the way to the threads that map, with the way back.
type Mapped = (Task, oneshot::Sender<Result<Bytes>>);

/// What maps and sends.
pub(super) struct Worker {
    mapping: Arc<Mapping>,
    seal: Option<Arc<dyn Seal>>,
    log: Arc<Log>,
    sink: SocketAddr,
}

impl Worker {
    pub(super) fn prepare(arguments: &Arguments, log: Arc<Log>) -> Result<Self> {
        let mapping = Arc::new(compile(&arguments.mapping)?);
        let identity = arguments.key.as_ref().zip(arguments.certificate.as_ref());
        let seal = identity.map(|(key, certificate)| seal(key, certificate)).transpose()?;
        Ok(Self { mapping, seal, log, sink: arguments.sink })
    }

    /// Starts as many senders as may send at one time, and as many mapping threads as the machine has processors.
    pub(super) async fn start(self, concurrency: usize, waiting: mpsc::Receiver<Task>) -> Result<()> {
        let (to_map, tasks) = mpsc::channel::<Mapped>(concurrency.max(1));
        let tasks = Arc::new(std::sync::Mutex::new(tasks));
        for _ in 0..std::thread::available_parallelism()?.get() {
            let (tasks, mapping, seal) = (Arc::clone(&tasks), Arc::clone(&self.mapping), self.seal.clone());
            let thread = std::thread::Builder::new().name("mapping".into()).stack_size(STACK);
            thread.spawn(move || map_all(&tasks, &mapping, seal.as_deref()))?;
        }
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..concurrency {
            let connection = connect(self.sink).await?;
            let (waiting, to_map, log) = (Arc::clone(&waiting), to_map.clone(), Arc::clone(&self.log));
            tokio::spawn(async move {
                if let Err(fault) = send_all(waiting, to_map, connection, log).await {
                    eprintln!("bare loop: {fault}");
                    std::process::exit(1);
                }
            });
        }
        Ok(())
    }
}

async fn send_all(
    waiting: Arc<Mutex<mpsc::Receiver<Task>>>,
    to_map: mpsc::Sender<Mapped>,
    mut connection: SendRequest<Full<Bytes>>,
    log: Arc<Log>,
) -> Result<()> {
    loop {
        let Some(task) = waiting.lock().await.recv().await else { return Ok(()) };
        let id = task.id;
        let (reply, mapped) = oneshot::channel();
        to_map.send((task, reply)).await.map_err(|_| "no thread maps any more")?;
        let document = mapped.await??;
        send(&mut connection, id, document).await?;
        log.append(Record::Settled(id)).await?;
    }
}

async fn connect(sink: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(sink).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn send(connection: &mut SendRequest<Full<Bytes>>, id: SubmissionId, document: Bytes) -> Result<()> {
    let id = id.to_string();
    let request = Request::post("/documents")
        .header(header::HOST, "127.0.0.1")
        .header(header::CONTENT_TYPE, "application/xml")
        .header("idempotency-key", &id)
        .header("x-submission", &id)
        .body(Full::new(document))?;
    connection.ready().await?;
    let response = connection.send_request(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    if status == StatusCode::OK { Ok(()) } else { Err(format!("the sink answered {status}").into()) }
}

fn map_all(tasks: &std::sync::Mutex<mpsc::Receiver<Mapped>>, mapping: &Mapping, seal: Option<&dyn Seal>) {
    loop {
        let next = tasks.lock().ok().and_then(|mut tasks| tasks.blocking_recv());
        let Some((task, reply)) = next else { return };
        // Whoever asked may be gone.
        let _ = reply.send(map(&task, mapping, seal));
    }
}

fn map(task: &Task, mapping: &Mapping, seal: Option<&dyn Seal>) -> Result<Bytes> {
    let xml = Xml::parse(&task.data, &XmlLimits::default())?;
    mapping.validate_source(&xml)?;
    let message = mapping.apply_valid_once(xml, &facts(task), &Limits::default())?;
    let Some(seal) = seal else { return Ok(message.into()) };
    match seal.seal(&message)? {
        Sealed::Enveloped(document) => Ok(document.into()),
        Sealed::Detached(_) => Err("the seal of the bench is enveloped".into()),
    }
}

fn facts(task: &Task) -> Facts {
    let id = task.id.to_string();
    Facts { case: id.clone(), submission_id: id, received_at: task.at.to_string(), ..Facts::sample() }
}

/// Compiles the mapping in a folder.
pub(crate) fn compile(folder: &Path) -> Result<Mapping> {
    let name = folder.file_name().and_then(|name| name.to_str()).ok_or("the mapping's folder has no name")?;
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?);
    }
    let bundle = Bundle { name: name.parse()?, files };
    Mapping::compile(&bundle).map_err(|faults| format!("the mapping has faults: {faults:?}").into())
}

/// A seal with this key.
pub(crate) fn seal(key: &Path, certificate: &Path) -> Result<Arc<dyn Seal>> {
    let key = KeyMaterial {
        key: Zeroizing::new(std::fs::read(key)?),
        certificates: Some(std::fs::read(certificate)?),
        password: None,
    };
    let config = SealConfig {
        form: SealForm::XmlDsig,
        key,
        xml: XmlDsigOptions::default(),
        cades: false,
        minimum_rsa_bits: MINIMUM_RSA_BITS,
    };
    Ok(seal_from_config(&config, clock::timestamp())?)
}
