//! The order in which Go's `sort.Sort` leaves equal elements.
//!
//! Aggregated division cuts a list that is sorted by replicas alone, so which of several clusters
//! with equal room is used follows from where the sort leaves them. Up to twelve elements it is an
//! insertion sort and stable; beyond, a pattern-defeating quicksort
//! (<https://arxiv.org/abs/2106.05123>) whose choices of pivot are fixed, and with them the order.

/// Slices up to this long are sorted by insertion.
const INSERTION_MAX: usize = 12;
/// From this length on a pivot is the median of three medians.
const NINTHER_MIN: usize = 50;
/// Out-of-order pairs that are mended in a slice that looks sorted.
const MENDED_MAX: usize = 5;

/// Sorts by `less`; equal elements end where Go's `sort.Sort` puts them.
pub(super) fn sort<T>(data: &mut [T], less: impl Fn(&T, &T) -> bool) {
    let limit = usize::BITS - data.len().leading_zeros();
    let end = data.len();
    Sorter { data, less }.sort(0, end, limit);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    Unknown,
    Increasing,
    Decreasing,
}

struct Sorter<'a, T, L> {
    data: &'a mut [T],
    less: L,
}

impl<T, L: Fn(&T, &T) -> bool> Sorter<'_, T, L> {
    fn less(&self, left: usize, right: usize) -> bool {
        (self.less)(&self.data[left], &self.data[right])
    }

    fn swap(&mut self, left: usize, right: usize) {
        self.data.swap(left, right);
    }

    fn sort(&mut self, mut start: usize, mut end: usize, mut limit: u32) {
        let (mut was_balanced, mut was_partitioned) = (true, true);
        loop {
            let len = end - start;
            if len <= INSERTION_MAX {
                return self.insertion_sort(start, end);
            }
            if limit == 0 {
                return self.heap_sort(start, end);
            }
            if !was_balanced {
                self.break_patterns(start, end);
                limit -= 1;
            }
            let (mut pivot, mut hint) = self.choose_pivot(start, end);
            if hint == Hint::Decreasing {
                self.data[start..end].reverse();
                pivot = (end - 1) - (pivot - start);
                hint = Hint::Increasing;
            }
            if was_balanced
                && was_partitioned
                && hint == Hint::Increasing
                && self.mend_few(start, end)
            {
                return;
            }
            if start > 0 && !self.less(start - 1, pivot) {
                start = self.part_equal(start, end, pivot);
                continue;
            }
            let (middle, is_partitioned) = self.partition(start, end, pivot);
            was_partitioned = is_partitioned;
            let (n_left, n_right) = (middle - start, end - middle);
            if n_left < n_right {
                was_balanced = n_left >= len / 8;
                self.sort(start, middle, limit);
                start = middle + 1;
            } else {
                was_balanced = n_right >= len / 8;
                self.sort(middle + 1, end, limit);
                end = middle;
            }
        }
    }

    fn insertion_sort(&mut self, start: usize, end: usize) {
        for place in start + 1..end {
            let mut at = place;
            while at > start && self.less(at, at - 1) {
                self.swap(at, at - 1);
                at -= 1;
            }
        }
    }

    fn heap_sort(&mut self, start: usize, end: usize) {
        let len = end - start;
        for root in (0..=(len - 1) / 2).rev() {
            self.sift_down(root, len, start);
        }
        for last in (0..len).rev() {
            self.swap(start, start + last);
            self.sift_down(0, last, start);
        }
    }

    fn sift_down(&mut self, mut root: usize, end: usize, start: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= end {
                return;
            }
            if child + 1 < end && self.less(start + child, start + child + 1) {
                child += 1;
            }
            if !self.less(start + root, start + child) {
                return;
            }
            self.swap(start + root, start + child);
            root = child;
        }
    }

    /// Smaller than the pivot to the left, others to the right. Where the pivot ends, and whether
    /// nothing had to move.
    fn partition(&mut self, start: usize, end: usize, pivot: usize) -> (usize, bool) {
        self.swap(start, pivot);
        let (mut low, mut high) = (start + 1, end - 1);
        let mut is_partitioned = true;
        loop {
            while low <= high && self.less(low, start) {
                low += 1;
            }
            while low <= high && !self.less(high, start) {
                high -= 1;
            }
            if low > high {
                break;
            }
            is_partitioned = false;
            self.swap(low, high);
            low += 1;
            high -= 1;
        }
        self.swap(high, start);
        (high, is_partitioned)
    }

    /// Equal to the pivot to the left, greater to the right; none is smaller. Where the greater begin.
    fn part_equal(&mut self, start: usize, end: usize, pivot: usize) -> usize {
        self.swap(start, pivot);
        let (mut low, mut high) = (start + 1, end - 1);
        loop {
            while low <= high && !self.less(start, low) {
                low += 1;
            }
            while low <= high && self.less(start, high) {
                high -= 1;
            }
            if low > high {
                return low;
            }
            self.swap(low, high);
            low += 1;
            high -= 1;
        }
    }

    /// Mends a few pairs; whether the slice is sorted then.
    fn mend_few(&mut self, start: usize, end: usize) -> bool {
        let mut place = start + 1;
        for _ in 0..MENDED_MAX {
            while place < end && !self.less(place, place - 1) {
                place += 1;
            }
            if place == end {
                return true;
            }
            if end - start < NINTHER_MIN {
                return false;
            }
            self.swap(place, place - 1);
            if place - start >= 2 {
                let mut at = place - 1;
                while at >= 1 && self.less(at, at - 1) {
                    self.swap(at, at - 1);
                    at -= 1;
                }
            }
            if end - place >= 2 {
                let mut at = place + 1;
                while at < end && self.less(at, at - 1) {
                    self.swap(at, at - 1);
                    at += 1;
                }
            }
        }
        false
    }

    /// Moves three elements in the middle to places that only the length decides.
    fn break_patterns(&mut self, start: usize, end: usize) {
        let len = end - start;
        let mut random = len as u64;
        let mask = (1_u64 << (u64::BITS - random.leading_zeros())) - 1;
        let middle = start + len / 4 * 2;
        for place in middle - 1..=middle + 1 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let other = (random & mask) as usize;
            let other = if other >= len { other - len } else { other };
            self.swap(place, start + other);
        }
    }

    fn choose_pivot(&self, start: usize, end: usize) -> (usize, Hint) {
        let quarter = (end - start) / 4;
        let mut n_swaps = 0;
        let mut places = [start + quarter, start + quarter * 2, start + quarter * 3];
        if end - start >= NINTHER_MIN {
            for place in &mut places {
                *place = self.median([*place - 1, *place, *place + 1], &mut n_swaps);
            }
        }
        let pivot = self.median(places, &mut n_swaps);
        match n_swaps {
            0 => (pivot, Hint::Increasing),
            12 => (pivot, Hint::Decreasing),
            _ => (pivot, Hint::Unknown),
        }
    }

    fn median(&self, [mut a, mut b, mut c]: [usize; 3], n_swaps: &mut usize) -> usize {
        let mut order = |left: &mut usize, right: &mut usize| {
            if self.less(*right, *left) {
                *n_swaps += 1;
                std::mem::swap(left, right);
            }
        };
        order(&mut a, &mut b);
        order(&mut b, &mut c);
        order(&mut a, &mut b);
        b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_sorted() {
        for len in 0..300_usize {
            for step in [1, 7, 91] {
                let mut data: Vec<usize> = (0..len).map(|n| n * step % 37).collect();
                let mut expected = data.clone();
                expected.sort_unstable();
                sort(&mut data, |a, b| a < b);
                assert_eq!(data, expected, "{len} {step}");
            }
        }
    }

    /// What Go 1.27 printed for the same slices: key, place before.
    #[test]
    fn equal_elements_end_where_go_puts_them() {
        let order = |len: usize, keys: usize| -> Vec<usize> {
            let mut data: Vec<(usize, usize)> = (0..len).map(|n| (n * 7 % keys, n)).collect();
            sort(&mut data, |a, b| a.0 > b.0);
            data.into_iter().map(|(_, place)| place).collect()
        };
        assert_eq!(order(16, 3), GO_16_3);
        assert_eq!(order(60, 4), GO_60_4);
    }

    const GO_16_3: [usize; 16] = [5, 14, 2, 11, 8, 4, 7, 10, 13, 1, 6, 0, 9, 3, 12, 15];
    const GO_60_4: [usize; 60] = [
        17, 1, 57, 53, 49, 5, 45, 41, 37, 9, 33, 29, 25, 13, 21, 46, 30, 58, 18, 2, 54, 14, 22, 50,
        6, 42, 26, 38, 34, 10, 27, 31, 59, 11, 15, 35, 19, 55, 3, 39, 51, 7, 23, 43, 47, 24, 52,
        44, 48, 4, 12, 40, 0, 16, 20, 8, 56, 36, 28, 32,
    ];
}
