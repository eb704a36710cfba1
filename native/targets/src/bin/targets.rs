//! Prints the names of all targets.

fn main() {
    for (name, _) in headrace_targets::TARGETS {
        println!("{name}");
    }
}
