//! A line diff for people.

/// Lines around a difference that are shown.
const CONTEXT: usize = 2;
/// A difference of more lines on both sides is shown as a whole, since comparing costs the product.
const MAX_PRODUCT: usize = 4_000_000;

/// The lines in which two texts differ: ` ` both, `-` expected only, `+` made only.
pub fn lines(expected: &str, made: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (expected.lines().collect(), made.lines().collect());
    let begin = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let both = (old.len() - begin).min(new.len() - begin);
    let end = old.iter().rev().zip(new.iter().rev()).take(both).take_while(|(a, b)| a == b).count();
    let mut out = String::new();
    let mut put = |sign: char, line: &str| out.push_str(&format!("{sign} {line}\n"));
    old[begin.saturating_sub(CONTEXT)..begin].iter().for_each(|line| put(' ', line));
    let (old_middle, new_middle) = (&old[begin..old.len() - end], &new[begin..new.len() - end]);
    middle(old_middle, new_middle, &mut put);
    old[old.len() - end..].iter().take(CONTEXT).for_each(|line| put(' ', line));
    if old == new {
        put(' ', "(the texts differ in line ends only)");
    }
    out
}

/// The places of what two lists have in common, in order. Of very long lists only what begins them alike.
pub(crate) fn common<T: PartialEq>(old: &[T], new: &[T]) -> Vec<(usize, usize)> {
    if old.len().saturating_mul(new.len()) > MAX_PRODUCT {
        return (0..old.len().min(new.len()))
            .take_while(|at| old[*at] == new[*at])
            .map(|at| (at, at))
            .collect();
    }
    let common = common_lengths(old, new);
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            found.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if common[i + 1][j] >= common[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

fn middle(old: &[&str], new: &[&str], put: &mut impl FnMut(char, &str)) {
    if old.len().saturating_mul(new.len()) > MAX_PRODUCT {
        old.iter().for_each(|line| put('-', line));
        new.iter().for_each(|line| put('+', line));
        return;
    }
    let common = common_lengths(old, new);
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            put(' ', old[i]);
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[i + 1][j] >= common[i][j + 1]) {
            put('-', old[i]);
            i += 1;
        } else {
            put('+', new[j]);
            j += 1;
        }
    }
}

/// For each pair of positions how many lines the rests have in common, in order.
fn common_lengths<T: PartialEq>(old: &[T], new: &[T]) -> Vec<Vec<u32>> {
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    common
}
