//! The eBPF object that the agent carries, against the tables that both are made from: what one side
//! has and the other does not is found here, and not by an operator.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use egress_observer_common::{
    maps::{BpfMap, MAPS},
    programs::{CGROUP_PROGRAMS, TRACEPOINT_PROGRAMS, names},
    settings::{OFFSETS, VALUES},
};
use egress_observer_tests::agent;
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind, elf::EM_BPF,
    read::elf::ElfFile64,
};

/// Where `e_machine` stands in an ELF file.
const MACHINE: usize = 18;

/// The object in the agent's binary: the ELF file in it that is for BPF.
fn object_of_agent() -> Result<Vec<u8>> {
    let path = agent::binary();
    let binary = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let machine = EM_BPF.to_le_bytes();
    let start = (0..binary.len()).find(|start| {
        let file = &binary[*start..];
        file.starts_with(b"\x7fELF") && file.get(MACHINE..MACHINE + 2) == Some(&machine)
    });
    let start = start.with_context(|| format!("no eBPF object in {}", path.display()))?;
    Ok(binary[start..].to_vec())
}

/// Symbols of a kind by name: the section that each stands in, and its size.
fn symbols(object: &[u8], kind: SymbolKind) -> Result<BTreeMap<String, (String, u64)>> {
    let object: ElfFile64<'_> = ElfFile64::parse(object)?;
    let mut symbols = BTreeMap::new();
    for symbol in object.symbols() {
        if let Some(index) = symbol.section_index()
            && symbol.kind() == kind
        {
            let section = object.section_by_index(index)?.name()?.to_owned();
            symbols.insert(symbol.name()?.to_owned(), (section, symbol.size()));
        }
    }
    Ok(symbols)
}

/// A map of the object in the words of the table: kind, key, value, entries, flags.
type Shape = (u32, u32, u32, u32, u32);

fn shape(map: &BpfMap) -> Shape {
    (
        map.kind as u32,
        map.key_size,
        map.value_size,
        map.entries.in_object(),
        map.kind.flags(),
    )
}

#[test]
fn the_objects_maps_are_those_of_the_table() -> Result<()> {
    let object = aya_obj::Object::parse(&object_of_agent()?)?;
    let found: BTreeMap<&str, Shape> = object
        .maps
        .iter()
        // The settings, which are a map of their own.
        .filter(|(name, _)| !name.starts_with('.'))
        .map(|(name, map)| {
            let shape = (
                map.map_type(),
                map.key_size(),
                map.value_size(),
                map.max_entries(),
                map.map_flags(),
            );
            (name.as_str(), shape)
        })
        .collect();
    let expected = MAPS.iter().map(|map| (map.name, shape(map))).collect();
    ensure!(
        found == expected,
        "maps of the object: {found:#?}\nof the table: {expected:#?}"
    );
    Ok(())
}

#[test]
fn the_objects_programs_and_hooks_are_those_of_the_table() -> Result<()> {
    let object = object_of_agent()?;
    let programs = aya_obj::Object::parse(&object)?.programs;
    let found: BTreeSet<&str> = programs.keys().map(String::as_str).collect();
    let expected = names().collect();
    ensure!(
        found == expected,
        "programs of the object: {found:?}, of the table: {expected:?}"
    );
    let functions = symbols(&object, SymbolKind::Text)?;
    let at_cgroups = CGROUP_PROGRAMS.map(|program| (program.name, program.section));
    let at_tracepoints = TRACEPOINT_PROGRAMS.map(|program| (program.name, program.section));
    for (name, section) in at_cgroups.into_iter().chain(at_tracepoints) {
        let found = functions.get(name).map(|(section, _)| section.as_str());
        ensure!(
            found == Some(section),
            "{name} stands in {found:?}, not in {section}"
        );
    }
    for program in TRACEPOINT_PROGRAMS {
        let tracepoint = program.tracepoint.to_str()?;
        ensure!(
            program.section == format!("raw_tp/{tracepoint}"),
            "{program:?}: two tracepoints"
        );
    }
    Ok(())
}

#[test]
fn the_objects_settings_are_those_of_the_table() -> Result<()> {
    let found: BTreeMap<String, u64> = symbols(&object_of_agent()?, SymbolKind::Data)?
        .into_iter()
        .filter(|(_, (section, _))| section == ".rodata")
        .filter(|(name, _)| name.starts_with("EO_"))
        .map(|(name, (_, size))| (name, size))
        .collect();
    let values = VALUES
        .iter()
        .map(|(name, size)| ((*name).to_owned(), *size as u64));
    let offsets = OFFSETS.iter().map(|offset| (offset.name.to_owned(), 4));
    let expected = values.chain(offsets).collect();
    ensure!(
        found == expected,
        "settings of the object: {found:#?}\nof the table: {expected:#?}"
    );
    Ok(())
}
