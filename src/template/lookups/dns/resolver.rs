//! Asks servers for records: over UDP, and over TCP what does not fit.

use super::names::Asked;
use super::records::Text;
use domain::base::iana::{Class, Rcode};
use domain::base::message::Message;
use domain::base::message_builder::MessageBuilder;
use domain::base::name::{Name, ToName};
use domain::base::{ParsedRecord, Rtype};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

/// What an answer over UDP may take.
const DATAGRAM: u16 = 1232;
/// How many names may lead from one to the next.
const LONGEST_CHAIN: usize = 16;

/// Where to ask, and what a name may be short for.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolver {
    pub servers: Vec<SocketAddr>,
    /// What is put behind a name that is not absolute.
    pub suffixes: Vec<Asked>,
    /// A name with more labels is tried as it is first.
    pub dots: usize,
    /// How long to wait for one server.
    pub patience: Duration,
    /// How long to wait for all of them.
    pub lifetime: Duration,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no such name.
    Unknown {
        name: String,
    },
    /// Nobody answered in time.
    Late(String),
    /// Every server had something against it; whether one of them failed itself.
    Refused {
        why: String,
        failed: bool,
    },
    Other(String),
}

/// What one server says.
enum Reply {
    Records(Vec<String>),
    Unknown,
    /// Another server may know.
    No {
        why: String,
        failed: bool,
    },
    Late,
    Final(String),
}

impl Resolver {
    /// The servers of `/etc/resolv.conf` (or of another file like it), and what it says about short names.
    ///
    /// # Errors
    /// No file, and no server in it.
    pub fn of_system(path: &Path, host: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|_| format!("cannot open {}", path.display()))?;
        let resolver = Self::of_text(&text, host);
        if resolver.servers.is_empty() { Err("no nameservers".into()) } else { Ok(resolver) }
    }

    fn of_text(text: &str, host: &str) -> Self {
        let mut resolver = Self::of_servers(Vec::new());
        let name = |text: &str| Asked::parse(text).ok().filter(|name| name.depth() > 0);
        // Without other words, names are looked for in the domain of this machine.
        let mut domain = host.split_once('.').and_then(|(_, domain)| name(domain));
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    resolver.servers.extend(address.map(|address| SocketAddr::new(address, 53)));
                }
                Some("domain") => {
                    domain = words.next().and_then(name);
                    resolver.suffixes.clear();
                }
                Some("search") => resolver.suffixes = words.filter_map(name).collect(),
                Some("options") => {
                    for word in words {
                        if let Some(dots) = word.strip_prefix("ndots:").and_then(|dots| dots.parse().ok()) {
                            resolver.dots = dots;
                        }
                        if let Some(seconds) = word.strip_prefix("timeout:").and_then(|s| s.parse().ok()) {
                            resolver.patience = Duration::from_secs(seconds);
                        }
                    }
                }
                _ => {}
            }
        }
        if resolver.suffixes.is_empty() {
            resolver.suffixes.extend(domain);
        }
        resolver
    }

    /// These servers alone; names are what they say.
    pub fn of_servers(servers: Vec<SocketAddr>) -> Self {
        Self {
            servers,
            suffixes: Vec::new(),
            dots: 1,
            patience: Duration::from_secs(2),
            lifetime: Duration::from_secs(5),
        }
    }

    /// The names that `asked` may stand for, in the order in which they are tried.
    fn candidates(&self, asked: &Asked, search: bool) -> Vec<Asked> {
        let whole = asked.below(&Asked::root());
        if asked.absolute || !search {
            return vec![whole];
        }
        let mut names: Vec<Asked> = self.suffixes.iter().map(|suffix| asked.below(suffix)).collect();
        match asked.depth() > self.dots {
            true => names.insert(0, whole),
            false => names.push(whole),
        }
        names
    }

    /// The records of a name.
    ///
    /// # Errors
    /// No such name, no answer.
    pub fn resolve(&self, asked: &Asked, kind: Rtype, search: bool, id: u16) -> Result<Vec<String>, Failure> {
        let start = Instant::now();
        let mut unknown = None;
        for candidate in self.candidates(asked, search) {
            match self.ask_all(&candidate, kind, id, start) {
                Err(Failure::Unknown { name }) => unknown = unknown.or(Some(Failure::Unknown { name })),
                result => return result,
            }
        }
        Err(unknown.unwrap_or_else(|| Failure::Other("no names to look up".into())))
    }

    fn ask_all(&self, asked: &Asked, kind: Rtype, id: u16, start: Instant) -> Result<Vec<String>, Failure> {
        let name = asked.wire().map_err(|wrong| Failure::Other(wrong.to_string()))?;
        let query = query(&name, kind, id).ok_or_else(|| Failure::Other("no question can be made".into()))?;
        let mut servers = self.servers.clone();
        let mut faults: Vec<String> = Vec::new();
        let mut anyone_failed = false;
        let mut pause = Duration::from_millis(100);
        let late = |faults: &[String]| {
            let seconds = start.elapsed().as_secs_f64();
            let mut why = format!("The resolution lifetime expired after {seconds:.3} seconds");
            if !faults.is_empty() {
                why = format!("{why}: {}", faults.join("; "));
            }
            Err(Failure::Late(why))
        };
        loop {
            for server in servers.clone() {
                let left = self.lifetime.saturating_sub(start.elapsed());
                if left.is_zero() {
                    return late(&faults);
                }
                let here = format!("Server Do53:{}@{} answered", server.ip(), server.port());
                match ask(server, &query, &name, kind, left.min(self.patience)) {
                    Reply::Records(records) => return Ok(records),
                    Reply::Unknown => return Err(Failure::Unknown { name: asked.text() }),
                    Reply::Final(why) => return Err(Failure::Other(why)),
                    Reply::Late => faults.push(format!("{here} The DNS operation timed out.")),
                    Reply::No { why, failed } => {
                        anyone_failed |= failed;
                        faults.push(format!("{here} {why}"));
                        servers.retain(|known| *known != server);
                    }
                }
            }
            if servers.is_empty() {
                let question = format!("{} IN {kind}", asked.text());
                let why =
                    format!("All nameservers failed to answer the query {question}: {}", faults.join("; "));
                return Err(Failure::Refused { why, failed: anyone_failed });
            }
            let left = self.lifetime.saturating_sub(start.elapsed());
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(Duration::from_secs(2));
            if start.elapsed() >= self.lifetime {
                return late(&faults);
            }
        }
    }
}

/// A question as it is sent.
fn query(name: &Name<Vec<u8>>, kind: Rtype, id: u16) -> Option<Vec<u8>> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(id);
    builder.header_mut().set_rd(true);
    let mut builder = builder.question();
    builder.push((name, kind)).ok()?;
    let mut builder = builder.additional();
    builder
        .opt(|options| {
            options.set_udp_payload_size(DATAGRAM);
            Ok(())
        })
        .ok()?;
    Some(builder.finish())
}

fn ask(server: SocketAddr, query: &[u8], name: &Name<Vec<u8>>, kind: Rtype, wait: Duration) -> Reply {
    let deadline = Instant::now() + wait;
    let reply = match over_udp(server, query, deadline) {
        Ok(reply) if Message::from_octets(&reply[..]).is_ok_and(|message| message.header().tc()) => {
            over_tcp(server, query, deadline)
        }
        reply => reply,
    };
    match reply {
        Ok(reply) => read(&reply, name, kind),
        Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => Reply::Late,
        Err(error) => Reply::No { why: error.to_string(), failed: false },
    }
}

fn left(deadline: Instant) -> std::io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn over_udp(server: SocketAddr, query: &[u8], deadline: Instant) -> std::io::Result<Vec<u8>> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.send_to(query, server)?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        socket.set_read_timeout(Some(left(deadline)?))?;
        let (length, from) = socket.recv_from(&mut buffer)?;
        // Anybody may send something here: only the answer to the question counts.
        if from == server && is_answer(&buffer[..length], query) {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

fn over_tcp(server: SocketAddr, query: &[u8], deadline: Instant) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, left(deadline)?)?;
    let length = u16::try_from(query.len()).map_err(|_| ErrorKind::InvalidInput)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    stream.write_all(&[&length.to_be_bytes(), query].concat())?;
    let mut read = |buffer: &mut [u8]| {
        let mut done = 0;
        while done < buffer.len() {
            stream.set_read_timeout(Some(left(deadline)?))?;
            match stream.read(&mut buffer[done..])? {
                0 => return Err(std::io::Error::from(ErrorKind::UnexpectedEof)),
                more => done += more,
            }
        }
        Ok(())
    };
    let mut length = [0; 2];
    read(&mut length)?;
    let mut reply = vec![0; u16::from_be_bytes(length).into()];
    read(&mut reply)?;
    match is_answer(&reply, query) {
        true => Ok(reply),
        false => Err(std::io::Error::other("A DNS query response does not respond to the question asked.")),
    }
}

fn is_answer(reply: &[u8], query: &[u8]) -> bool {
    match (Message::from_octets(reply), Message::from_octets(query)) {
        (Ok(reply), Ok(query)) => reply.is_answer(&query),
        _ => false,
    }
}

fn read(reply: &[u8], name: &Name<Vec<u8>>, kind: Rtype) -> Reply {
    let malformed = || Reply::No { why: "A DNS message is malformed.".into(), failed: false };
    let Ok(message) = Message::from_octets(reply) else { return malformed() };
    match message.header().rcode() {
        Rcode::NOERROR => {}
        Rcode::NXDOMAIN => return Reply::Unknown,
        Rcode::YXDOMAIN => {
            return Reply::Final("The DNS query name is too long after DNAME substitution.".into());
        }
        code => return Reply::No { why: code.to_string(), failed: code == Rcode::SERVFAIL },
    }
    let Ok(section) = message.answer() else { return malformed() };
    let records: Result<Vec<ParsedRecord<'_, &[u8]>>, _> = section.collect();
    let Ok(records) = records else { return malformed() };
    let mut at: Name<Vec<u8>> = name.clone();
    for _ in 0..LONGEST_CHAIN {
        let of_kind = |kind: Rtype| {
            let here = |record: &&ParsedRecord<_>| {
                record.rtype() == kind && record.class() == Class::IN && record.owner().name_eq(&at)
            };
            records.iter().filter(here).collect::<Vec<_>>()
        };
        let found = of_kind(kind);
        if !found.is_empty() {
            let mut texts: Vec<String> = Vec::new();
            for record in found {
                match record.to_record::<Text>() {
                    Ok(Some(record)) if !texts.contains(&record.data().text) => {
                        texts.push(record.into_data().text)
                    }
                    Ok(_) => {}
                    Err(_) => return malformed(),
                }
            }
            return Reply::Records(texts);
        }
        let Some(alias) = of_kind(Rtype::CNAME).first().copied() else { return Reply::Records(Vec::new()) };
        let Ok(Some(alias)) = alias.to_record::<domain::rdata::Cname<domain::base::name::ParsedName<_>>>()
        else {
            return malformed();
        };
        at = alias.data().cname().to_name();
    }
    Reply::No { why: "The CNAME chain is too long.".into(), failed: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_whom_to_ask() {
        let of = |text| Resolver::of_text(text, "me.here.example");
        let names = |resolver: &Resolver, asked: &str, search| {
            let asked = Asked::parse(asked).expect("a name");
            resolver.candidates(&asked, search).iter().map(Asked::text).collect::<Vec<_>>()
        };
        let plain = of("# servers\nnameserver 192.0.2.1\n;x\nnameserver 2001:db8::1\nnameserver no\n");
        assert_eq!(
            plain.servers,
            ["192.0.2.1:53".parse().expect("v4"), "[2001:db8::1]:53".parse().expect("v6")]
        );
        assert_eq!(names(&plain, "a", true), ["a.here.example.", "a."]);
        assert_eq!(names(&plain, "a.b", true), ["a.b.", "a.b.here.example."]);
        assert_eq!(names(&plain, "a.b", false), ["a.b."]);
        assert_eq!(names(&plain, "a.", true), ["a."]);
        let searching = of("domain d\nsearch one.test two.test.\noptions ndots:2 timeout:7 rotate\n");
        assert_eq!(searching.patience, Duration::from_secs(7));
        assert_eq!(names(&searching, "a.b", true), ["a.b.one.test.", "a.b.two.test.", "a.b."]);
        assert_eq!(names(&searching, "a.b.c", true), ["a.b.c.", "a.b.c.one.test.", "a.b.c.two.test."]);
        // The last word counts.
        assert_eq!(names(&of("search a b\ndomain d\n"), "x", true), ["x.d.", "x."]);
        assert_eq!(names(&Resolver::of_text("", "alone"), "x", true), ["x."]);
        let missing = Resolver::of_system(Path::new("/nonexistent"), "h");
        assert_eq!(missing, Err("cannot open /nonexistent".into()));
        assert_eq!(Resolver::of_system(Path::new("/dev/null"), "h"), Err("no nameservers".into()));
    }
}
