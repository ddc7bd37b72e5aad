//! Addresses that the operator names: alone, as a network, or as a scheme with a host.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// Scheme and host as browsers write them: in small letters, without the scheme's own port and without a slash at the
/// end. None for anything else, such as a path or a user.
pub fn base_address(url: &str) -> Option<String> {
    let url = url.trim_end_matches('/').to_ascii_lowercase();
    let (scheme, authority) = url.split_once("://")?;
    let own_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let (host, port) = host_and_port(authority);
    let host = checked_host(host)?;
    let port = port.map(str::parse::<u16>).transpose().ok()?;
    Some(match port.filter(|port| *port != own_port) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

/// Whether a host, with or without its port, is this machine.
pub fn is_loopback_name(authority: &str) -> bool {
    let (host, _) = host_and_port(authority);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The colons of an IPv6 address lie inside its brackets.
fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn checked_host(host: &str) -> Option<String> {
    let inside = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = inside {
        return Some(format!("[{}]", address.parse::<Ipv6Addr>().ok()?));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_plain)).then(|| host.to_owned())
}

/// An address, or a network in CIDR form such as 10.0.0.0/8. An IPv4 address that comes inside an IPv6 one is the
/// IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many leading bits count.
    length: u8,
}

impl Network {
    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(other)) => {
                let differing = ours.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.length)
            }
            (IpAddr::V6(ours), IpAddr::V6(other)) => {
                let differing = ours.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.length)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address and no network such as 10.0.0.0/8");
        let text = text.trim();
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if written.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(longest);
        let address = written.to_canonical();
        // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
        let outer = if address.is_ipv4() { longest - 32 } else { 0 };
        match length.checked_sub(outer) {
            Some(inner) if length <= longest => Ok(Self {
                address,
                length: inner,
            }),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_is_a_scheme_and_a_host() {
        for wrong in [
            "billing.example.com",
            "ftp://x",
            "https://",
            "https://x/y",
            "https://u@x",
            "https://x:",
            "https://x:99999",
            "https://::1",
        ] {
            assert!(base_address(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_base_address_is_kept_as_browsers_write_it() {
        for (written, kept) in [
            (
                "https://billing.example.com/",
                "https://billing.example.com",
            ),
            ("https://localhost:443", "https://localhost"),
            ("http://LocalHost:8080", "http://localhost:8080"),
            ("HTTP://127.0.0.1:80/", "http://127.0.0.1"),
            ("https://x:80", "https://x:80"),
            ("http://[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(base_address(written).as_deref(), Some(kept));
        }
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_other() {
        for (network, inside, outside) in [
            ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.1"),
            ("192.168.1.128/25", "192.168.1.200", "192.168.1.127"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::1", "::1", "127.0.0.1"),
            ("0.0.0.0/0", "203.0.113.7", "::1"),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{network}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{network}");
        }
        for wrong in [
            "",
            "proxy",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "::/129",
            "::ffff:10.0.0.1/8",
        ] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
