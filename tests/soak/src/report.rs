//! What came of it.

use std::fmt;

/// The count of what a caller saw.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Commands that were sent.
    pub commands: usize,
    /// Of them, those without a whole and succeeded run.
    pub lost: usize,
    /// Whose whole run is not what the cluster holds, or with messages that do not fit together in any run that had come by then.
    pub corrupt: usize,
    /// Without any end.
    pub unanswered: usize,
    /// Messages of results that came more than once, or belong to runs beside the one that counts.
    pub duplicates: u64,
    /// Messages of the runs that count.
    pub needed: u64,
    /// Messages that the result queue took.
    pub sent: u64,
    /// Bytes of the bodies of the runs that count.
    pub bytes: u64,
    /// How often a bridge was killed.
    pub bridge_kills: u64,
    /// How often the collector was.
    pub collector_kills: u64,
    /// Faults of SQS and of the Kubernetes API that have struck.
    pub faults: usize,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.corrupt == 0 && self.unanswered == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commands, lost, corrupt, unanswered, duplicates, needed, sent, .. } = self;
        let amplification = *sent as f64 / (*needed).max(1) as f64;
        write!(
            f,
            "soak: {commands} commands, {lost} lost, {corrupt} corrupt, {unanswered} unanswered, {duplicates} duplicates, \
             amplification {amplification:.2}"
        )
    }
}
