//! Closed spans in a fixed order, and which of them comes first at a point.

/// A point of a span's scale.
pub(super) trait Point: Copy + Ord {
    /// The one after it, if there is one.
    fn next(self) -> Option<Self>;
}

macro_rules! points {
    ($($number:ty)*) => {$(
        impl Point for $number {
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
        }
    )*};
}
points! { u16 u32 u128 }

/// Answers in the logarithm of the number of spans: 1,000 ranges are ten comparisons. Costs two
/// words for each end of a span.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans<K> {
    /// Where the answer changes, ascending.
    starts: Vec<K>,
    /// The answer from there on, parallel to `starts`.
    first: Vec<Option<u32>>,
}

impl<K: Point> Spans<K> {
    /// From spans with both ends included, each with its place in the order.
    pub(super) fn new(spans: impl IntoIterator<Item = (u32, K, K)>) -> Self {
        let mut events = Vec::new();
        for (place, start, end) in spans {
            events.push((start, place, true));
            events.extend(end.next().map(|after| (after, place, false)));
        }
        events.sort_unstable();
        let mut active = std::collections::BTreeSet::new();
        let (mut starts, mut first) = (Vec::new(), Vec::new());
        let mut events = events.into_iter().peekable();
        while let Some((at, place, begins)) = events.next() {
            if begins {
                active.insert(place);
            } else {
                active.remove(&place);
            }
            let last_here = events.peek().is_none_or(|(next, ..)| *next != at);
            let answer = active.first().copied();
            if last_here && first.last() != Some(&answer) {
                starts.push(at);
                first.push(answer);
            }
        }
        Self { starts, first }
    }

    /// Where the answer changes, ascending.
    pub(super) fn starts(&self) -> impl Iterator<Item = K> {
        self.starts.iter().copied()
    }

    /// The place of the first span that covers the point.
    pub(super) fn first(&self, point: K) -> Option<u32> {
        let after = self.starts.partition_point(|start| *start <= point);
        *self.first.get(after.checked_sub(1)?)?
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_span_in_order_is_found(
            spans in prop::collection::vec((any::<u8>(), any::<u8>()), 0..40),
            edge in any::<bool>(),
        ) {
            // At the upper end of the scale, too, where nothing comes after.
            let base = if edge { u16::MAX - 255 } else { 0 };
            let spans: Vec<_> = spans
                .into_iter()
                .map(|(a, b)| (base + u16::from(a.min(b)), base + u16::from(a.max(b))))
                .collect();
            let placed = spans.iter().zip(0..).map(|((start, end), place)| (place, *start, *end));
            let index = Spans::new(placed);
            for point in base..=base + 255 {
                let expected = spans.iter().position(|(start, end)| (*start..=*end).contains(&point));
                prop_assert_eq!(index.first(point).map(|place| place as usize), expected);
            }
        }
    }
}
