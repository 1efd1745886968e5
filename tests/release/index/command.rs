//! The command: where it listens, what it says, how it stops.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use pyrelease_test_support::distribution::{described, sdist, wheel};
use pyrelease_test_support::{assert_data_eq, str};

use super::ServedIndex;
use crate::release::json::lines_conform;

#[test]
fn it_says_where_it_is_and_stops_on_a_signal() {
    for signal in ["INT", "TERM"] {
        let mut index = ServedIndex::start(&[]);
        let said = index.said();
        let said = said.replace(&index.port.to_string(), "[PORT]");
        let said = said.replace(index.sandbox.root().to_str().unwrap(), "[ROOT]");
        assert_data_eq!(
            said,
            str![[r#"
             serving an index by PyPI's rules at http://127.0.0.1:[PORT]/; the files are in [ROOT]/index
             upload to http://127.0.0.1:[PORT]/legacy/ as __token__ with the token in [ROOT]/index/.token
             install with `--index-url http://127.0.0.1:[PORT]/simple/`
             press Ctrl-C to stop

"#]]
        );
        assert!(index.token().starts_with("pypi-"));
        assert_eq!(index.end(signal), Some(0), "SIG{signal}: {}", index.said());
        assert!(!index.sandbox.root().join("port").exists());
    }
}

#[test]
fn programs_get_one_event_without_the_token() {
    let index = ServedIndex::start(&["--format", "json", "--lenient"]);
    let event = || fs_err::read_to_string(index.sandbox.root().join("stdout")).unwrap();
    while !event().ends_with('\n') {
        std::thread::sleep(Duration::from_millis(5));
    }
    let event: serde_json::Value = serde_json::from_str(&event()).unwrap();
    lines_conform("index serve", vec![event.clone()]);
    assert_eq!(event["port"], index.port);
    assert_eq!(event["upload"], index.url("/legacy/"));
    assert_eq!(event["simple"], index.url("/simple/"));
    assert_eq!(event["rules"], "lenient");
    assert_eq!(event["token_file"], serde_json::Value::Null);
    assert_eq!(index.said(), "");
}

#[test]
fn a_release_has_the_page_that_pypi_would_show() {
    let index = ServedIndex::start(&[]);
    let text = "# demo\n\n<script>alert(1)</script> See the [guide](docs/guide.md).\n";
    let file = wheel(index.sandbox.root(), "demo", "0.9", "any", "hello");
    index.upload(&file).has(200);
    let file = described(index.sandbox.root(), "demo", "1.0", "text/markdown", text);
    index.upload(&file).has(200);
    let page = index.get("/project/demo/1.0/page/", "text/html").has(200).text();
    assert!(
        page.contains("<div class=\"project-description\">") && page.contains("data-loss=\"1\""),
        "{page}"
    );
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("<a href=\"/project/demo/0.9/page/\">0.9</a>"), "{page}");
    let release = index.get("/project/demo/1.0/", "text/html").has(200).text();
    assert!(release.contains("href=\"/project/demo/1.0/page/\""), "{release}");
    index.get("/project/demo/2.0/page/", "text/html").has(404);
    index.get("/project/..%2f/1.0/page/", "text/html").has(404);
}

#[test]
fn it_stops_in_time_although_clients_hang_on() {
    let mut index = ServedIndex::start(&[]);
    let mut idle = TcpStream::connect(("127.0.0.1", index.port)).unwrap();
    idle.write_all(b"POST /legacy/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n").unwrap();
    let began = std::time::Instant::now();
    assert_eq!(index.end("TERM"), Some(0));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn files_outlast_it_and_two_cannot_serve_one_folder() {
    let mut index = ServedIndex::start(&[]);
    let file = wheel(index.sandbox.root(), "demo", "1.0", "any", "hello");
    index.upload(&file).has(200);
    let (token, listed) = (index.token(), index.listed("demo"));
    let args = ["index", "serve", "--dir", "index"];
    let second = index.sandbox.command(index.sandbox.root(), env!("CARGO_BIN_EXE_pyrelease"), &args);
    let second = second.stderr_capture().unchecked().run().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said =
        String::from_utf8_lossy(&second.stderr).replace(index.sandbox.root().to_str().unwrap(), "[ROOT]");
    assert_data_eq!(
        said,
        str![[r#"
error: failed to start the index
  caused by: failed to use `[ROOT]/index` as an index folder
  caused by: another index serves it
help: stop the other index, or pass another `--dir`

"#]]
    );

    assert_eq!(index.end("INT"), Some(0));
    index.run();
    assert_eq!((index.token(), index.listed("demo")), (token, listed));
}

#[test]
fn strict_means_pypis_refusals_and_lenient_anything_that_installs() {
    let (strict, lenient) = (ServedIndex::start(&["--strict"]), ServedIndex::start(&["--lenient"]));
    let root = strict.sandbox.root();
    let file = wheel(root, "demo", "1.0", "linux_x86_64", "hello");
    let reply = strict.upload(&file).has(400);
    assert_eq!(
        reply.json()["code"],
        "400 Binary wheel 'demo-1.0-py3-none-linux_x86_64.whl' has an unsupported platform tag 'linux_x86_64'."
    );
    assert!(reply.head.starts_with("http/1.1 400 binary wheel 'demo-1.0"), "{}", reply.head);
    let classified = [("classifiers", "Unheard :: Of")];
    let demo = wheel(root, "demo", "1.0", "any", "hello");
    strict.try_upload(&demo, &classified).unwrap().has(400);
    strict.try_upload_as("hunter2", &demo, &[]).unwrap().has(403);
    assert!(strict.listed("demo").is_empty());

    lenient.try_upload_as("hunter2", &file, &classified).unwrap().has(200);
    lenient.try_upload_as("", &demo, &[]).unwrap().has(200);
    lenient.try_upload_as("", &demo, &[]).unwrap().has(200);
    for text in ["one", "two"] {
        let other = lenient.sandbox.root().join(text);
        fs_err::create_dir(&other).unwrap();
        sdist(&other, "demo", "1.0", text);
    }
    let [one, two] = ["one", "two"].map(|text| lenient.sandbox.root().join(text).join("demo-1.0.tar.gz"));
    lenient.try_upload_as("", &one, &[]).unwrap().has(200);
    let other = lenient.try_upload_as("", &two, &[]).unwrap().has(400);
    assert!(other.text().contains("File already exists ('demo-1.0.tar.gz'"), "{}", other.text());
    assert_eq!(lenient.listed("demo").len(), 3);
}

#[test]
fn beyond_this_machine_uploads_need_a_token_even_if_it_is_lenient() {
    let index = ServedIndex::start(&["--lenient", "--listen", "0.0.0.0"]);
    assert!(index.said().contains("every machine that reaches this address"), "{}", index.said());
    let file = wheel(index.sandbox.root(), "demo", "1.0+local", "any", "hello");
    index.try_upload_as("hunter2", &file, &[]).unwrap().has(403);
    index.upload(&file).has(200);
}

#[test]
fn a_page_of_another_site_neither_reads_nor_uploads() {
    let index = ServedIndex::start(&["--lenient"]);
    let file = wheel(index.sandbox.root(), "demo", "1.0", "any", "hello");
    let request = String::from_utf8_lossy(&index.upload_request("", &file, &[])).into_owned();
    let host = format!("Host: 127.0.0.1:{}", index.port);
    for header in ["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"] {
        let request = request.replace(&host, &format!("{host}\r\n{header}"));
        index.raw(request.as_bytes()).unwrap().has(403);
    }
    index.raw(request.replace(&host, "Host: evil.example").as_bytes()).unwrap().has(403);
    assert!(index.listed("demo").is_empty());
    let reply = index.raw(b"GET /simple/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    reply.unwrap().has(403);
}

#[test]
fn what_is_uploaded_is_shown_as_text() {
    let index = ServedIndex::start(&["--lenient"]);
    let file = wheel(index.sandbox.root(), "demo", "1.0", "any", "hello");
    let hostile = "<script>alert(1)</script>\" onclick='x'";
    index.try_upload(&file, &[("summary", hostile), ("requires_python", hostile)]).unwrap().has(200);
    for path in ["/", "/project/demo/1.0/", "/simple/demo/"] {
        let page = index.get(path, "text/html").has(200);
        assert!(page.head.contains("content-security-policy: default-src 'none'"), "{}", page.head);
        assert!(page.head.contains("x-content-type-options: nosniff"), "{}", page.head);
        assert!(!page.text().contains("<script"), "{}", page.text());
    }
    assert!(index.get("/project/demo/1.0/", "text/html").text().contains("&lt;script&gt;alert(1)"));
    for path in
        ["/files/demo/..%2f..%2f.key.json", "/files/../.key.json", "/files/.records/demo", "/.key.json"]
    {
        index.get(path, "*/*").has(404);
    }
}
