//! Compiles the C shim and links Debian's libxml2, libxslt and libexslt, dynamically: their security updates reach the
//! hub without a new build.

fn main() {
    println!("cargo:rerun-if-changed=src/ffi/shim.c");
    let mut shim = cc::Build::new();
    for library in ["libexslt", "libxslt", "libxml-2.0"] {
        match pkg_config::Config::new().probe(library) {
            Ok(found) => drop(shim.includes(found.include_paths)),
            Err(error) => {
                println!("cargo:warning=install libxml2-dev and libxslt1-dev: {error}");
                std::process::exit(1);
            }
        }
    }
    shim.file("src/ffi/shim.c").std("c11").warnings(true).extra_warnings(true).compile("rohrpost_shim");
}
