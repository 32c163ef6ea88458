//! The columns of a kind's table: each title beside the cell that stands under it.

use gumshoe_proto::human_duration::human_age;
use prost_types::Timestamp;

use super::Kind;

/// A column of the table of a kind.
pub(crate) struct Column<K: Kind> {
    title: &'static str,
    cell: Cell<K>,
    shown: Shown,
}

/// What stands in a column.
enum Cell<K: Kind> {
    Name,
    Age,
    /// How long ago something was.
    Since(fn(&K::Columns) -> Option<Timestamp>),
    /// Of what the collector has derived.
    Derived(fn(&K::Columns) -> String),
    /// Of the object itself, now.
    Object(fn(&K, &Timestamp) -> String),
}

/// Which tables have a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Always,
    Narrow,
    Wide,
}

impl<K: Kind> Column<K> {
    /// The object's name.
    pub(crate) const fn name() -> Self {
        Self::always("NAME", Cell::Name)
    }

    /// How long ago the object was created.
    pub(crate) const fn age() -> Self {
        Self::always("AGE", Cell::Age)
    }

    /// How long ago something was that the collector has derived.
    pub(crate) const fn since(title: &'static str, moment: fn(&K::Columns) -> Option<Timestamp>) -> Self {
        Self::always(title, Cell::Since(moment))
    }

    /// What the collector has derived.
    pub(crate) const fn derived(title: &'static str, cell: fn(&K::Columns) -> String) -> Self {
        Self::always(title, Cell::Derived(cell))
    }

    /// What is made of the object here.
    pub(crate) const fn object(title: &'static str, cell: fn(&K, &Timestamp) -> String) -> Self {
        Self::always(title, Cell::Object(cell))
    }

    /// Of `-o wide` alone.
    pub(crate) const fn wide(self) -> Self {
        Self { shown: Shown::Wide, ..self }
    }

    /// Not of `-o wide`, which has another in its place.
    pub(crate) const fn narrow(self) -> Self {
        Self { shown: Shown::Narrow, ..self }
    }

    const fn always(title: &'static str, cell: Cell<K>) -> Self {
        Self { title, cell, shown: Shown::Always }
    }

    /// The columns of a table.
    fn of(wide: bool) -> impl Iterator<Item = &'static Self> {
        let hidden = if wide { Shown::Narrow } else { Shown::Wide };
        K::TABLE.iter().filter(move |column| column.shown != hidden)
    }

    /// Their titles.
    pub(super) fn titles(wide: bool) -> impl Iterator<Item = &'static str> {
        Self::of(wide).map(|column| column.title)
    }

    /// Their cells for an object.
    pub(super) fn cells(object: &K, wide: bool, now: &Timestamp) -> Vec<String> {
        let (none, metadata) = (K::Columns::default(), object.metadata());
        let derived = object.columns().unwrap_or(&none);
        let cell = |column: &Self| match column.cell {
            Cell::Name => metadata.map(|metadata| metadata.name.clone()).unwrap_or_default(),
            Cell::Age => human_age(metadata.and_then(|metadata| metadata.creation_timestamp.as_ref()), now),
            Cell::Since(moment) => human_age(moment(derived).as_ref(), now),
            Cell::Derived(cell) => cell(derived),
            Cell::Object(cell) => cell(object, now),
        };
        Self::of(wide).map(cell).collect()
    }
}
