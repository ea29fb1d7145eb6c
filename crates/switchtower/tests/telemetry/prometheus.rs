//! A real Prometheus reads our figures and answers with them.

use crate::*;
use serde_json::Value;
use std::net::TcpListener;
use std::process::Child;

struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(program: &Path, folder: &Path, admin: SocketAddr) -> Self {
        std::fs::write(folder.join("operators.key"), "operators-own").unwrap();
        let settings = format!(
            "global:\n  scrape_interval: 200ms\nscrape_configs:\n- job_name: switchtower\n  authorization:\n    credentials_file: operators.key\n  static_configs:\n  - targets: ['{admin}']\n"
        );
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, settings).unwrap();
        // Nobody else takes it in the moment until it is bound again.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(program);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("series").display()));
        command.arg(format!("--web.listen-address={address}")).arg("--enable-feature=exemplar-storage");
        let log = std::fs::File::create(folder.join("prometheus.log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Self { child, address }
    }

    fn ask(&self, path: &str) -> Option<Value> {
        let mut socket = TcpStream::connect(self.address).ok()?;
        write!(socket, "GET {path} HTTP/1.0\r\nhost: {}\r\n\r\n", self.address).ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    fn value(&self, query: &str) -> Option<f64> {
        let answer = self.ask(&format!("/api/v1/query?query={query}"))?;
        answer.pointer("/data/result/0/value/1")?.as_str()?.parse().ok()
    }
}

#[test]
fn a_real_prometheus_reads_and_answers() {
    let Some(program) = installed("prometheus") else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "operators-own").unwrap();
    let gateway = serve(folder.path(), "[admin]\naddress = \"127.0.0.1:0\"\nkey = \"file:key\"\n");
    let prometheus = Prometheus::start(&program, folder.path(), admin_of(&gateway));
    let traced = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    for _ in 0..3 {
        drop(ask(&gateway, "sim/sim-1", true, traced));
    }
    let requests = "sum(switchtower_requests_total%7Boutcome=%22answered%22%7D)";
    assert!(eventually(|| prometheus.value(requests) == Some(3.0)), "{:?}", prometheus.ask("/api/v1/targets"));
    let quantile = "histogram_quantile(0.5,sum%20by(le)(switchtower_request_duration_seconds_bucket))";
    assert!(prometheus.value(quantile).is_some_and(|seconds| seconds > 0.0));
    assert_eq!(prometheus.value("min(switchtower_ready)"), Some(1.0));
    // It took the newer form, in which a value leads to its trace.
    let exemplars = "/api/v1/query_exemplars?query=switchtower_request_duration_seconds_bucket&start=0&end=9999999999";
    let told = prometheus.ask(exemplars).unwrap();
    let trace = told.pointer("/data/0/exemplars/0/labels/trace_id");
    assert_eq!(trace, Some(&Value::from("4bf92f3577b34da6a3ce929d0e0e4736")), "{told}");
}
