//! Where the running kernel keeps the few fields that the programs read, from its own type
//! information (BTF, `/sys/kernel/btf/vmlinux`; format: `Documentation/bpf/btf.rst`).
//!
//! A reader of our own, because it needs three record shapes of twenty and keeps nothing: parsing
//! all of it costs tens of MiB.

use std::{fs, io, path::Path};

use egress_observer_common::settings::OFFSETS;
use thiserror::Error;

/// Why the offsets are not known.
#[derive(Debug, Error)]
pub(super) enum TypesError {
    #[error("cannot read the kernel's type information at {path}")]
    Read { path: String, source: io::Error },
    #[error("the kernel's type information is cut short or in an unknown format")]
    Format,
    #[error("the kernel has no `{structure}.{field}`")]
    Missing {
        structure: &'static str,
        field: &'static str,
    },
}

/// The name of a setting, and how many bytes from its structure's start the field is.
pub(super) type Offset = (&'static str, u32);

/// The running kernel's offsets.
pub(super) fn offsets(path: &Path) -> Result<Vec<Offset>, TypesError> {
    let bytes = fs::read(path).map_err(|source| TypesError::Read {
        path: path.display().to_string(),
        source,
    })?;
    let types = Types::parse(&bytes).ok_or(TypesError::Format)?;
    OFFSETS
        .iter()
        .map(|wanted| Ok((wanted.name, types.offset(wanted.structure, wanted.fields)?)))
        .collect()
}

const MAGIC: u16 = 0xeb9f;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;

/// The type section, with the place of each record.
struct Types<'a> {
    records: &'a [u8],
    strings: &'a [u8],
    /// By type id; id 0 is `void`.
    starts: Vec<u32>,
}

impl<'a> Types<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        if u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?) != MAGIC {
            return None;
        }
        let header_len = word(bytes, 4)? as usize;
        let sections = bytes.get(header_len..)?;
        let records = section(sections, word(bytes, 8)?, word(bytes, 12)?)?;
        let strings = section(sections, word(bytes, 16)?, word(bytes, 20)?)?;
        let mut starts = vec![0];
        let mut at = 0;
        while at < records.len() {
            starts.push(at as u32);
            at += record_len(word(records, at + 4)?)?;
        }
        Some(Self {
            records,
            strings,
            starts,
        })
    }

    fn offset(
        &self,
        structure: &'static str,
        fields: &'static [&'static str],
    ) -> Result<u32, TypesError> {
        // A structure of that name may be declared more than once; the one with the field counts.
        self.starts
            .iter()
            .skip(1)
            .filter(|start| self.is_named(**start, structure))
            .find_map(|start| self.path_bits(*start, fields))
            .map(|bits| bits / 8)
            .ok_or_else(|| TypesError::Missing {
                structure,
                field: fields.last().unwrap_or(&""),
            })
    }

    fn is_named(&self, start: u32, name: &str) -> bool {
        self.kind(start) == Some(KIND_STRUCT) && self.name(start) == Some(name.as_bytes())
    }

    fn kind(&self, start: u32) -> Option<u32> {
        Some(word(self.records, start as usize + 4)? >> 24 & 0x1f)
    }

    fn name(&self, start: u32) -> Option<&'a [u8]> {
        self.string(word(self.records, start as usize)?)
    }

    fn string(&self, offset: u32) -> Option<&'a [u8]> {
        let rest = self.strings.get(offset as usize..)?;
        rest.split(|byte| *byte == 0).next()
    }

    /// Offset in bits of a path of fields, through unnamed structures and unions.
    fn path_bits(&self, start: u32, fields: &[&str]) -> Option<u32> {
        let (first, rest) = fields.split_first()?;
        let info = word(self.records, start as usize + 4)?;
        let packed = info >> 31 == 1;
        for index in 0..info & 0xffff {
            let at = start as usize + 12 + index as usize * 12;
            let name = self.string(word(self.records, at)?)?;
            let type_id = word(self.records, at + 4)?;
            let offset = word(self.records, at + 8)?;
            let bits = if packed { offset & 0x00ff_ffff } else { offset };
            if name == first.as_bytes() && rest.is_empty() {
                return Some(bits);
            }
            let inner = match name {
                [] => fields,
                name if name == first.as_bytes() => rest,
                _ => continue,
            };
            let found = self
                .structure(type_id)
                .and_then(|start| self.path_bits(start, inner));
            if let Some(more) = found {
                return Some(bits + more);
            }
        }
        None
    }

    fn structure(&self, type_id: u32) -> Option<u32> {
        let start = *self.starts.get(type_id as usize)?;
        matches!(self.kind(start)?, KIND_STRUCT | KIND_UNION).then_some(start)
    }
}

fn section(sections: &[u8], start: u32, len: u32) -> Option<&[u8]> {
    sections.get(start as usize..)?.get(..len as usize)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Bytes of a record with this `info` word: 12, and what follows for its kind.
fn record_len(info: u32) -> Option<usize> {
    let n = (info & 0xffff) as usize;
    let tail = match info >> 24 & 0x1f {
        // INT, VAR, DECL_TAG
        1 | 14 | 17 => 4,
        // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT, TYPE_TAG
        2 | 7..=12 | 16 | 18 => 0,
        // ARRAY
        3 => 12,
        // STRUCT, UNION, DATASEC, ENUM64
        KIND_STRUCT | KIND_UNION | 15 | 19 => 12 * n,
        // ENUM, FUNC_PROTO
        6 | 13 => 8 * n,
        _ => return None,
    };
    Some(12 + tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRINGS: &[u8] = b"\0outer\0a\0n\0y\0int\0x\0";

    /// Where a name is among them.
    fn at(name: &str) -> u32 {
        let name = format!("\0{name}\0");
        let mut windows = STRINGS.windows(name.len());
        windows.position(|w| w == name.as_bytes()).unwrap() as u32 + 1
    }

    /// `struct outer { int a; struct { union inner { int x; } ; } ; struct named { int y; } n; }`
    /// in the shape of `/sys/kernel/btf/vmlinux`.
    fn sample() -> Vec<u8> {
        let mut records: Vec<u32> = vec![at("int"), 1 << 24, 4, 32];
        records.extend([0, KIND_UNION << 24 | 1, 4, at("x"), 1, 0]);
        records.extend([0, KIND_STRUCT << 24 | 1, 8, 0, 2, 32]);
        records.extend([0, KIND_STRUCT << 24 | 1, 8, at("y"), 1, 32]);
        records.extend([at("outer"), KIND_STRUCT << 24 | 3, 24]);
        records.extend([at("a"), 1, 0, 0, 3, 32, at("n"), 4, 128]);
        let types_len = records.len() as u32 * 4;
        let mut bytes = Vec::new();
        bytes.extend(MAGIC.to_ne_bytes());
        bytes.extend([1, 0]);
        for value in [24, 0, types_len, types_len, STRINGS.len() as u32] {
            bytes.extend(u32::to_ne_bytes(value));
        }
        records
            .iter()
            .for_each(|value| bytes.extend(value.to_ne_bytes()));
        bytes.extend(STRINGS);
        bytes
    }

    #[test]
    fn fields_are_found_through_unnamed_and_named_members() {
        let bytes = sample();
        let types = Types::parse(&bytes).unwrap();
        assert_eq!(types.offset("outer", &["a"]).unwrap(), 0);
        assert_eq!(types.offset("outer", &["x"]).unwrap(), 8);
        assert_eq!(types.offset("outer", &["n", "y"]).unwrap(), 20);
        assert!(types.offset("outer", &["z"]).is_err());
        assert!(types.offset("inner", &["a"]).is_err());
    }

    #[test]
    fn cut_or_foreign_input_is_refused() {
        let bytes = sample();
        assert!(Types::parse(b"ELF").is_none());
        assert!(Types::parse(&bytes[..40]).is_none());
    }
}
