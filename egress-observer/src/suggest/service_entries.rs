//! ServiceEntries for the undeclared destinations that pods connected to.
//!
//! ```text
//! flows -> observer::Observer -> entries::plan -> Suggestions -> text, or difference
//!               ^                     ^
//!          known::KnownMesh (what today's objects declare), if it is given
//! ```

mod answer;
mod beside;
mod check;
mod difference;
mod entries;
mod host;
mod known;
mod name;
mod observed;
mod observer;
mod recorded;
mod settings;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use self::{
    answer::Suggestions,
    host::{ExportTo, NamespaceName, Wildcard},
    known::KnownMesh,
    observed::ObservedDestinations,
    observer::Observer,
    settings::EntrySettings,
};

/// What these connections want, beside what there is. With `differences`, what there is counts, too.
pub(crate) fn suggest(
    observed: &ObservedDestinations,
    settings: &EntrySettings,
    known: Option<KnownMesh>,
    differences: bool,
) -> Suggestions {
    let mut suggestions = entries::plan(observed, settings, known.as_ref());
    if let Some(known) = &known {
        beside::fit(&mut suggestions, known);
    }
    check::note_unseen(&mut suggestions.entries);
    check::note_shared(&mut suggestions.entries);
    let Some(mut known) = known else {
        check::note_blind(&mut suggestions.entries);
        return suggestions;
    };
    if differences {
        let all = difference::differences(&suggestions.entries, observed, &known);
        suggestions.differences = Some(all);
    }
    let entries = &mut suggestions.entries;
    let before = known.registry();
    known.apply(entries.iter().map(|entry| &entry.manifest));
    check::note_undeclared(entries, observed, settings, &known);
    check::note_lost(entries, &before, &known);
    suggestions
}
