//! The words of a command line, as pflag reads them.

use super::{
    error::FlagError,
    table::{FLAGS, Flag},
};

/// A flag's value, and where it stands.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) value: String,
    pub(super) from: String,
}

/// The arguments are the words behind the program's name. Images up to 1.3 had it as their entry
/// point.
pub fn arguments<'a>(command: &'a [String], args: &'a [String]) -> Vec<&'a str> {
    let words: Vec<&str> = command.iter().chain(args).map(String::as_str).collect();
    let program = words.iter().rposition(|word| is_program(word));
    let start = program.map_or(0, |at| at + 1);
    words.get(start..).unwrap_or_default().to_vec()
}

/// Whether a container's command line is one of `istio-iptables`, as far as that can be told: by the
/// program's name, which comes first or behind `pilot-agent` (the image's entry point, whose own flags may
/// stand between), or by flags alone for the image of up to 1.3, whose entry point it was. What another
/// program makes of such words is in no manifest: `true` nothing, a shell anything.
pub fn is_known(image: &str, command: &[String], args: &[String]) -> bool {
    let words = command.iter().chain(args);
    let mut words =
        words.skip_while(|word| name_of(word) == "pilot-agent" || word.starts_with('-'));
    if words.next().is_some_and(|word| is_program(word)) {
        return true;
    }
    let flags_alone = args.first().is_some_and(|first| {
        let word = Word::read(first);
        word.is_some_and(|word| {
            FLAGS
                .iter()
                .any(|flag| word.name == if word.long { flag.long } else { flag.short })
        })
    });
    command.is_empty() && (flags_alone || image.contains("proxy_init") && args.is_empty())
}

fn is_program(word: &str) -> bool {
    matches!(name_of(word), "istio-iptables" | "istio-iptables.sh")
}

/// A program's name without the directories that it is in.
fn name_of(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

/// The flags of a command line by their long spelling, the last of each.
pub(super) fn read_flags(
    args: &[&str],
    notes: &mut Vec<String>,
) -> Result<Vec<(&'static Flag, Given)>, FlagError> {
    let mut found: Vec<(&Flag, Given)> = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if *arg == "--" {
            break;
        }
        let Some(Word {
            name,
            attached,
            long,
        }) = Word::read(arg)
        else {
            // A positional argument: without meaning.
            continue;
        };
        let mut all = FLAGS.iter();
        let spelt = all.find(|flag| name == if long { flag.long } else { flag.short });
        let Some(flag) = spelt else {
            notes.push(format!(
                "flag {arg}: not one of istio-iptables, not looked at"
            ));
            continue;
        };
        let from = format!("flag {}{name}", if long { "--" } else { "-" });
        let value = match (attached, flag.switch) {
            // Switches may be joined: `-nf`.
            (Some(attached), true) if !long && !attached.starts_with('=') => {
                notes.push(format!("flag {arg}: only -{name} of it is looked at"));
                "true"
            }
            (Some(attached), _) => attached.strip_prefix('=').unwrap_or(attached),
            (None, true) => "true",
            (None, false) => match rest.next() {
                Some(value) => value,
                None => return Err(FlagError::Missing(from)),
            },
        };
        let given = Given {
            value: value.to_owned(),
            from,
        };
        found.retain(|(known, _)| known.long != flag.long);
        found.push((flag, given));
    }
    Ok(found)
}

/// An argument that is a flag: `-i *`, `-i*`, `-i=*`, `--name value`, `--name=value`.
struct Word<'a> {
    name: &'a str,
    /// What is attached, with its `=`.
    attached: Option<&'a str>,
    long: bool,
}

impl<'a> Word<'a> {
    fn read(arg: &'a str) -> Option<Self> {
        if let Some(long) = arg.strip_prefix("--") {
            let end = long.find('=').unwrap_or(long.len());
            let (name, attached) = long.split_at(end);
            return Some(Self {
                name,
                attached: (!attached.is_empty()).then_some(attached),
                long: true,
            });
        }
        let short = arg.strip_prefix('-')?;
        let end = short
            .char_indices()
            .nth(1)
            .map_or(short.len(), |(at, _)| at);
        let (name, attached) = short.split_at(end);
        (!name.is_empty()).then_some(Self {
            name,
            attached: (!attached.is_empty()).then_some(attached),
            long: false,
        })
    }
}
