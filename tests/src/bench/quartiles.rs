//! Samples in three numbers.

use serde::{Deserialize, Serialize};

/// The quarter, the middle and the three quarters of some samples.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Quartiles {
    pub(super) p25: f64,
    pub(super) median: f64,
    pub(super) p75: f64,
}

impl Quartiles {
    /// Between two samples the value is interpolated. Of no samples: not a number, null in JSON.
    pub(super) fn of(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = samples.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self {
            p25: quantile(&sorted, 0.25),
            median: quantile(&sorted, 0.5),
            p75: quantile(&sorted, 0.75),
        }
    }

    /// The same in another unit, of which `scale` make one of this.
    pub(super) fn scaled(&self, scale: f64) -> Self {
        Self {
            p25: self.p25 * scale,
            median: self.median * scale,
            p75: self.p75 * scale,
        }
    }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let [below, above] = [place.floor(), place.ceil()]
        .map(|index| sorted.get(index as usize).copied().unwrap_or(f64::NAN));
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_interpolated() {
        let quartiles = Quartiles::of([4.0, 1.0, 3.0, 2.0]);
        let expected = Quartiles {
            p25: 1.75,
            median: 2.5,
            p75: 3.25,
        };
        assert_eq!(quartiles, expected);
    }

    #[test]
    fn one_sample_is_all_quartiles_and_none_is_no_number() {
        let one = Quartiles::of([7.0]);
        assert_eq!((one.p25, one.median, one.p75), (7.0, 7.0, 7.0));
        assert!(Quartiles::of([]).median.is_nan());
    }
}
