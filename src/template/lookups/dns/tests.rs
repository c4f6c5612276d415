//! What a real name server sent (`tests/dns/answers.json`, written by `record.py` beside it), and what the real lookup made of it.

use super::*;
use crate::value::{Value, from_json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;

/// What was sent to a question.
struct Exchange {
    question: Vec<u8>,
    udp: Option<Vec<u8>>,
    tcp: Option<Vec<u8>>,
}

fn bytes(value: Option<&Value>) -> Option<Vec<u8>> {
    Some(STANDARD.decode(value?.as_str()?).expect("base64"))
}

/// The reply to a query, with its number.
fn reply(exchanges: &[Exchange], query: &[u8], tcp: bool) -> Option<Vec<u8>> {
    let asked = query[12..].to_ascii_lowercase();
    let found = exchanges.iter().find(|known| asked.starts_with(&known.question.to_ascii_lowercase()));
    let found = found.expect("only recorded questions are asked");
    let mut reply = if tcp { found.tcp.clone()? } else { found.udp.clone()? };
    reply[..2].copy_from_slice(&query[..2]);
    Some(reply)
}

/// A name server that repeats what was recorded.
fn serve(exchanges: Vec<Exchange>) -> SocketAddr {
    let exchanges = Arc::new(exchanges);
    // The same port for both.
    let (udp, tcp) = std::iter::repeat_with(|| {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let tcp = TcpListener::bind(udp.local_addr().expect("an address"));
        (udp, tcp)
    })
    .find_map(|(udp, tcp)| Some((udp, tcp.ok()?)))
    .expect("some port is free");
    let address = udp.local_addr().expect("an address");
    let known = exchanges.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut buffer) {
            let Some(reply) = reply(&known, &buffer[..length], false) else { continue };
            // What is not the answer comes first: it must not be taken for it.
            let mut other = reply.clone();
            other[0] ^= 1;
            for reply in [&other, &reply] {
                udp.send_to(reply, from).expect("whoever asks listens");
            }
        }
    });
    std::thread::spawn(move || {
        for mut stream in tcp.incoming().map_while(Result::ok) {
            let mut length = [0; 2];
            stream.read_exact(&mut length).expect("a query");
            let mut query = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut query).expect("a query");
            let reply = reply(&exchanges, &query, true).expect("an answer was recorded");
            let length = u16::try_from(reply.len()).expect("a message").to_be_bytes();
            // In pieces, as it may come over a slow line.
            for piece in [&length[..1], &length[1..], &reply[..7], &reply[7..]] {
                stream.write_all(piece).expect("whoever asks listens");
            }
        }
    });
    address
}

#[test]
fn names_are_looked_up_as_ansible_does() {
    let recorded = include_str!("../../../../tests/dns/answers.json");
    let recorded = from_json(recorded).expect("the file is JSON");
    let list = |name: &str| recorded.get(name).and_then(Value::as_list).expect(name).to_vec();
    let exchange = |entry: &Value| Exchange {
        question: bytes(entry.get("question")).expect("a question"),
        udp: bytes(entry.get("udp")),
        tcp: bytes(entry.get("tcp")),
    };
    let server = serve(list("wire").iter().map(exchange).collect());
    let recorded_server = recorded.get("server").and_then(Value::as_str).expect("a server");
    let here = format!("{}@{}", server.ip(), server.port());
    let cases = list("cases");
    assert!(cases.len() > 80, "the cases are missing");
    for case in cases {
        let text = |name: &str| case.get(name).and_then(Value::as_str);
        let term = text("term").expect("a term");
        let kind = text("type").unwrap_or("A");
        let mut resolver = Resolver::of_servers(vec![server]);
        let silent = term.starts_with("silent");
        resolver.lifetime = Duration::from_millis(if silent { 200 } else { 10_000 });
        let asking = Asking {
            resolver,
            kind: kind.parse().expect(kind),
            search: true,
            unknown: match text("nxdomain_handling") {
                Some("fail") => Unknown::Fail,
                Some("message") => Unknown::Message,
                _ => Unknown::Empty,
            },
            retries: 1,
            servfail_retries: 0,
        };
        let ours = asking.ask(term).map_err(crate::template::TemplateError::into_message);
        match text("error") {
            Some(_) if silent => {
                let ours = ours.expect_err("nobody answers");
                let start = "Unexpected DNS error for silent.test: The resolution lifetime expired after ";
                let end = format!(" seconds: Server Do53:{here} answered The DNS operation timed out.");
                assert!(ours.starts_with(start) && ours.ends_with(&end), "{ours}");
            }
            Some(error) => assert_eq!(ours, Err(error.replace(recorded_server, &here)), "{term}"),
            None => {
                let records = case.get("records").and_then(Value::as_list).expect("records");
                let records: Vec<String> = records.iter().map(crate::value::py_str).collect();
                assert_eq!(ours, Ok(records), "{term} {kind}");
            }
        }
    }
}

#[test]
fn a_server_that_fails_is_asked_again_or_another() {
    let dead = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let dead_address = dead.local_addr().expect("an address");
    let flaky = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = flaky.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut failures = 2;
        while let Ok((_, from)) = flaky.recv_from(&mut buffer) {
            // An answer without records: SERVFAIL twice, then no error.
            let mut reply = buffer[..12].to_vec();
            reply[2] |= 0x80;
            reply[3] = if failures > 0 { 2 } else { 0 };
            reply[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
            let end = 12 + buffer[12..].iter().position(|byte| *byte == 0).expect("a name") + 5;
            reply.extend(&buffer[12..end]);
            failures -= i32::from(failures > 0);
            flaky.send_to(&reply, from).expect("whoever asks listens");
        }
    });
    let asking = |servfail_retries| Asking {
        resolver: Resolver {
            patience: Duration::from_millis(100),
            ..Resolver::of_servers(vec![dead_address, address])
        },
        kind: Rtype::A,
        search: true,
        unknown: Unknown::Empty,
        retries: 0,
        servfail_retries,
    };
    // The dead one is asked again after the other has failed, until there is no time left.
    let mut resolver = asking(0);
    resolver.resolver.lifetime = Duration::from_secs(1);
    let error = resolver.ask("a.test").map_err(crate::template::TemplateError::into_message);
    let error = error.expect_err("nobody knows");
    assert!(
        error.contains("answered SERVFAIL; Server Do53") || error.ends_with("answered SERVFAIL"),
        "{error}"
    );
    // Alone, the flaky one is asked as often as it may fail.
    let mut resolver = asking(1);
    resolver.resolver.servers = vec![address];
    assert_eq!(resolver.ask("a.test").map_err(|error| error.into_message()), Ok(vec![]));
    drop(dead);
}
