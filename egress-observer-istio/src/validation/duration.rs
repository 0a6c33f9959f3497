//! Times as Go writes them: `1h30m`, `0.5s`.

/// Nanoseconds of each unit, the longer spellings first.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// Nanoseconds, where a text is a time (`time.ParseDuration`).
fn nanoseconds(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut sum = 0.0;
    loop {
        let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &rest[..rest.len() - behind.len()];
        let number: f64 = number.parse().ok()?;
        let mut units = UNITS.iter();
        let (unit, size) = units.find(|(unit, _)| behind.starts_with(unit))?;
        sum += number * size;
        rest = &behind[unit.len()..];
        if rest.is_empty() {
            break;
        }
    }
    Some(sign * sum)
}

/// Why a time is none for a setting; nothing for one (`ValidateDuration`).
pub(super) fn fault(text: &str) -> Option<&'static str> {
    let Some(time) = nanoseconds(text) else {
        return Some("it is no time");
    };
    if time < 1e6 {
        Some("it is less than 1ms")
    } else if time.round() % 1e6 != 0.0 {
        Some("it is no multiple of 1ms")
    } else {
        None
    }
}

/// Whether a time is less than a millisecond either way, which stands for none.
pub(super) fn is_zero(text: &str) -> bool {
    nanoseconds(text).is_some_and(|time| time.abs() < 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_milliseconds() {
        for text in [
            "1ms", "30ms", "1.5s", "15m", "1h30m", "+2s", "1h0.5s", "1000us",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
        for text in [
            "", "s", "10", "1 s", "1x", "0", "0s", "-1s", "999us", "1.5ms", "1s1", ".", "inf",
            "1e3s",
        ] {
            assert!(fault(text).is_some(), "{text}");
        }
        for (text, expected) in [("0s", true), ("0", true), ("1ms", false), ("", false)] {
            assert_eq!(is_zero(text), expected, "{text}");
        }
    }
}
