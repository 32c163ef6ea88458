//! Measuring two things in turn, and what is made of the numbers.

use std::time::{Duration, Instant};

/// One number of us and one of the peer, a pair each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    /// Runs both in turn, and each once before that, so that neither pays for what is done but once.
    pub(crate) async fn of(
        count: usize,
        mut ours: impl AsyncFnMut() -> anyhow::Result<()>,
        mut peer: impl AsyncFnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        ours().await?;
        peer().await?;
        let mut pairs = Self::default();
        for _ in 0..count.max(1) {
            let ours = seconds(&mut ours).await?;
            let peer = seconds(&mut peer).await?;
            pairs.add(ours, peer);
        }
        Ok(pairs)
    }

    pub(crate) fn add(&mut self, ours: f64, peer: f64) {
        self.0.push((ours, peer));
    }

    pub(crate) fn ours(&self) -> f64 {
        median(self.0.iter().map(|(ours, _)| *ours))
    }

    pub(crate) fn peer(&self) -> f64 {
        median(self.0.iter().map(|(_, peer)| *peer))
    }

    /// The median of the ratios, which is not the ratio of the medians: what disturbs both of a pair cancels out.
    pub(crate) fn ratio(&self) -> f64 {
        median(self.0.iter().map(|(ours, peer)| ours / peer))
    }
}

/// How long one run takes.
pub(crate) async fn seconds(run: impl AsyncFnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let began = Instant::now();
    run().await?;
    Ok(began.elapsed().as_secs_f64())
}

/// The middle one; of two the mean.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let values = sorted(values);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

/// The smallest value that so many of a hundred do not exceed (nearest rank).
pub(crate) fn percentile(values: &[Duration], percent: usize) -> f64 {
    let values = sorted(values.iter().map(Duration::as_secs_f64));
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or(f64::NAN)
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_median_of_the_pairs_and_not_of_the_medians() {
        let mut pairs = Pairs::default();
        for (ours, peer) in [(1.0, 1.0), (30.0, 10.0), (4.0, 2.0)] {
            pairs.add(ours, peer);
        }
        assert_eq!((pairs.ours(), pairs.peer(), pairs.ratio()), (4.0, 2.0, 2.0));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn of_a_hundred_values_the_ninety_ninth_is_the_99th_percentile() {
        let values: Vec<_> = (1..=100).rev().map(Duration::from_secs).collect();
        assert_eq!(
            (percentile(&values, 99), percentile(&values, 50), percentile(&values[..1], 99)),
            (99.0, 50.0, 100.0)
        );
    }
}
