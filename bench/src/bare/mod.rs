//! The bare loop: HTTP in, append to a file with one sync per group, map, POST, append "settled". No store, no
//! encryption, no audit, no receipt, no retry. It is the bound that the hub is compared with, so it is as quick as it
//! can be with the same libraries: hyper on both sides, and the hub's own crates for mapping and seal.

mod log;
mod work;

use crate::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use log::{Log, Record};
use rohrpost_model::SubmissionId;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use work::{Task, Worker};
pub(crate) use work::{compile, seal};

/// What waits between the log and the workers before senders wait.
const WAITING: usize = 2048;

/// As much stack as the hub gives its threads: a transform that finds less runs on a thread made for it.
const STACK: usize = 64 << 20;

/// How the bare loop is set up.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The folder of its log.
    #[arg(long)]
    pub(crate) folder: PathBuf,
    /// The sink.
    #[arg(long)]
    pub(crate) sink: SocketAddr,
    /// The folder of the mapping.
    #[arg(long)]
    pub(crate) mapping: PathBuf,
    /// Key (PEM) of the seal, with `--certificate`; no seal without it.
    #[arg(long, requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// Certificate (PEM) of the seal.
    #[arg(long)]
    pub(crate) certificate: Option<PathBuf>,
    /// Documents sent at one time.
    #[arg(long)]
    pub(crate) concurrency: usize,
}

/// What every request needs.
struct Bare {
    log: Arc<Log>,
    tasks: mpsc::Sender<Task>,
}

/// Runs the command: prints its address and serves until it is killed.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.thread_stack_size(STACK).enable_all().build()?.block_on(serve(arguments))
}

async fn serve(arguments: &Arguments) -> Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let log = Arc::new(Log::start(&arguments.folder.join("log"))?);
    let (tasks, waiting) = mpsc::channel(WAITING);
    Worker::prepare(arguments, Arc::clone(&log))?.start(arguments.concurrency, waiting).await?;
    let bare = Arc::new(Bare { log, tasks });
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let bare = Arc::clone(&bare);
        tokio::spawn(async move {
            let answering = service_fn(move |request| answer(Arc::clone(&bare), request));
            if let Err(fault) = http1::Builder::new().serve_connection(TokioIo::new(stream), answering).await
            {
                eprintln!("bare loop: {fault}");
            }
        });
    }
}

async fn answer(bare: Arc<Bare>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    if request.method() != Method::POST {
        return Ok(Response::new(Full::from(bare.log.groups().to_string())));
    }
    let data = request.into_body().collect().await?.to_bytes();
    let at = crate::clock::timestamp();
    let id = SubmissionId::new(at);
    bare.log.append(Record::Accepted(id, data.clone())).await?;
    bare.tasks.send(Task { id, at, data }).await?;
    let answer = format!(r#"{{"id":"{id}"}}"#);
    let mut response = Response::new(Full::from(answer));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}
