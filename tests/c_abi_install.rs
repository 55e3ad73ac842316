//! The C library as whoever uses it gets it: installed by its script, found by pkg-config, and built with by the very commands and
//! snippets of its README.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use mcp_server_tiny::{Server, Tool};
use mcp_tests::peers;
use mcp_tests::raw_http::RunningServer;

/// What the README writes for the folder that is installed into.
const FOLDER: &str = "$HOME/mcp";
/// And for the server.
const URL: &str = "http://127.0.0.1:8000/mcp";

/// A folder in which the library was installed, once for all tests; `None` where what that takes is not installed and not required.
fn installed() -> Option<&'static Path> {
    static INSTALLED: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = INSTALLED.get_or_init(|| {
        for tool in ["bash", "cc", "make", "cmake", "pkg-config", "nm", "readelf"] {
            if !peers::is_installed(tool) {
                assert!(!peers::are_required(), "`{tool}` is required: tests/c_abi/install.sh installs it");
                eprintln!("skipped: `{tool}` is not installed");
                return None;
            }
        }
        let folder = fresh("installed");
        let first = commands().into_iter().next().expect("the README has commands");
        run(Command::new("bash").arg("-euc").arg(in_folder(&first, &folder)), &repository());
        Some(folder)
    });
    folder.as_deref()
}

/// The commands of the README, in their order: the lines after a prompt.
fn commands() -> Vec<String> {
    let lines = blocks("console").into_iter().flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.filter_map(|line| Some(line.strip_prefix("$ ")?.to_owned())).collect()
}

/// The blocks of code of this language in the README's section about building.
fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(repository().join("examples/c-abi/README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("Building\n")).expect("a section");
    let mut parts = section.split("```");
    let mut found = Vec::new();
    // What stands before a fence, and what within.
    while let (Some(_), Some(inside)) = (parts.next(), parts.next()) {
        if let Some(code) = inside.strip_prefix(language).and_then(|rest| rest.strip_prefix('\n')) {
            found.push(code.to_owned());
        }
    }
    assert!(!found.is_empty(), "there is no block of {language}");
    found
}

fn in_folder(command: &str, folder: &Path) -> String {
    command.replace(FOLDER, folder.to_str().unwrap())
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// An empty folder.
fn fresh(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("c_abi_install").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// What a command printed, run in `folder`.
fn run(command: &mut Command, folder: &Path) -> String {
    // Soonest built; the profile changes nothing of what is looked at here.
    command.env("PROFILE", "dev").current_dir(folder);
    for set in ["DESTDIR", "LIBDIR", "INCLUDEDIR", "PKGCONFIGDIR", "CFLAGS", "LDLIBS", "LDFLAGS", "LD_LIBRARY_PATH"] {
        command.env_remove(set);
    }
    let output = command.output().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}{complained}", output.status);
    said.into_owned()
}

/// The same, with pkg-config finding what is in `installed` and nothing else.
fn run_with(installed: &Path, command: &mut Command, folder: &Path) -> String {
    run(command.env("PKG_CONFIG_LIBDIR", installed.join("lib/pkgconfig")), folder)
}

fn adder() -> RunningServer {
    let add = Tool::new("add").param::<i64>("a", "one").param::<i64>("b", "the other");
    RunningServer::start(Server::new("adder", "1").tool(add, |call| Ok(call.arg::<i64>("a")? + call.arg::<i64>("b")?)))
}

/// Calls a tool with a program that was built.
fn calls_a_tool(program: &Path, folder: &Path) {
    let server = adder();
    let mut call = Command::new(program);
    call.arg(format!("http://{}/mcp", server.address)).args(["add", r#"{"a":40,"b":2}"#]);
    let said = run(&mut call, folder);
    assert!(said.contains(r#""text":"42""#), "{program:?}: {said}");
}

/// A folder with the sources of the programs, as the snippets expect it.
fn project(name: &str) -> PathBuf {
    let folder = fresh(name);
    for file in fs::read_dir(repository().join("examples/c-abi/programs")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    folder
}

#[test]
fn the_commands_of_the_readme_build_programs_that_run() {
    let Some(installed) = installed() else { return };
    // What stands for the repository's folder; what is built lies beside.
    let folder = fresh("commands");
    symlink(repository().join("examples"), folder.join("examples")).unwrap();
    let server = adder();
    let url = format!("http://{}/mcp", server.address);
    let mut exported = String::new();
    let mut calls = 0;
    // The first installed it.
    for command in commands().into_iter().skip(1) {
        let command = in_folder(&command, installed).replace(URL, &url);
        if command.starts_with("export ") {
            exported = format!("{exported}{command}\n");
            continue;
        }
        let said = run(Command::new("bash").arg("-euc").arg(format!("{exported}{command}")), &folder);
        if command.starts_with("./") {
            assert!(said.contains(r#""text":"42""#), "{command}: {said}");
            calls += 1;
        }
    }
    assert_eq!(calls, 3, "linked dynamically, with the static library, and wholly static");
    // Each is linked as it says.
    for (program, shared) in [("call_tool", true), ("call_tool_static", false), ("call_tool_alone", false)] {
        let needed = run(Command::new("readelf").args(["-d", program]), &folder);
        assert_eq!(needed.contains("[libmcp.so.0]"), shared, "{program}: {needed}");
        assert_eq!(needed.contains("(NEEDED)"), program != "call_tool_alone", "{program}: {needed}");
    }
}

#[test]
fn the_makefile_of_the_readme_does() {
    let Some(installed) = installed() else { return };
    let folder = project("makefile");
    fs::write(folder.join("Makefile"), &blocks("make")[0]).unwrap();
    let mut make = Command::new("make");
    // Where it is when it runs is nothing that a Makefile says.
    make.arg(format!("LDFLAGS=-Wl,-rpath,{}", installed.join("lib").display()));
    run_with(installed, &mut make, &folder);
    calls_a_tool(&folder.join("call_tool"), &folder);
}

#[test]
fn the_cmake_of_the_readme_does() {
    let Some(installed) = installed() else { return };
    let folder = project("cmake");
    fs::write(folder.join("CMakeLists.txt"), &blocks("cmake")[0]).unwrap();
    run_with(installed, Command::new("cmake").args(["-S", ".", "-B", "build"]), &folder);
    run_with(installed, Command::new("cmake").args(["--build", "build"]), &folder);
    calls_a_tool(&folder.join("build/call_tool"), &folder);
}

#[test]
fn a_program_finds_the_library_by_the_number_of_its_abi() {
    let Some(installed) = installed() else { return };
    let library = installed.join("lib");
    let dynamic = run(Command::new("readelf").args(["-d", "libmcp.so"]), &library);
    assert!(dynamic.contains("Library soname: [libmcp.so.0]"), "{dynamic}");
    for (name, to) in [("libmcp.so", "libmcp.so.0".to_owned()), ("libmcp.so.0", format!("libmcp.so.{}", version()))] {
        assert_eq!(fs::read_link(library.join(name)).unwrap(), Path::new(&to));
    }
    let modversion = run_with(installed, Command::new("pkg-config").args(["--modversion", "mcp"]), installed);
    assert_eq!(modversion.trim(), version());
}

/// The version of the workspace, which the library's is too.
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Whatever else it exported would meet the same names of another library in one process.
#[test]
fn the_shared_library_exports_what_the_header_declares_and_nothing_else() {
    let Some(installed) = installed() else { return };
    assert_eq!(exported(installed), declared(installed));
}

#[test]
fn a_library_without_features_has_the_same_functions_and_names_the_feature_that_is_missing() {
    if installed().is_none() {
        return;
    }
    let bare = fresh("without_features");
    let mut install = Command::new("bash");
    install.arg("-euc").arg(format!("examples/c-abi/install.sh {} --no-default-features", bare.display()));
    run(&mut install, &repository());
    assert_eq!(exported(&bare), declared(&bare));
    let program = bare.join("call_tool");
    let mut cc = Command::new("cc");
    cc.args(["examples/c-abi/programs/call_tool.c", "-lmcp", "-o"]).arg(&program);
    cc.arg(format!("-I{}", bare.join("include").display())).arg(format!("-L{}", bare.join("lib").display()));
    cc.arg(format!("-Wl,-rpath,{}", bare.join("lib").display()));
    run(&mut cc, &repository());
    calls_a_tool(&program, &bare);
    let refused = Command::new(&program).arg("https://localhost:1/mcp").output().unwrap();
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && complaint.contains("https needs the feature `tls`"), "{complaint}");
}

/// The names that the library in `folder` exports.
fn exported(folder: &Path) -> BTreeSet<String> {
    let symbols = run(Command::new("nm").args(["-D", "--defined-only", "lib/libmcp.so"]), folder);
    symbols.lines().filter_map(|line| line.split_whitespace().nth(2)).map(str::to_owned).collect()
}

/// The functions that the header beside it declares.
fn declared(folder: &Path) -> BTreeSet<String> {
    let header = fs::read_to_string(folder.join("include/mcp.h")).unwrap();
    let declared: BTreeSet<String> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '*', '/', '#']) && !line.starts_with("typedef"))
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("mcp_"))
        .map(str::to_owned)
        .collect();
    assert!(declared.len() > 20, "{declared:?}");
    declared
}

#[test]
fn packagers_say_where_everything_goes() {
    if installed().is_none() {
        return;
    }
    let staged = fresh("staged");
    let mut install = Command::new("bash");
    install.arg("-euc").arg(format!("DESTDIR={} LIBDIR=/usr/lib64 examples/c-abi/install.sh /usr", staged.display()));
    run(&mut install, &repository());
    for file in ["usr/lib64/libmcp.a", "usr/lib64/libmcp.so.0", "usr/include/mcp.h", "usr/lib64/pkgconfig/mcp.pc"] {
        assert!(staged.join(file).exists(), "{file}");
    }
    let described = fs::read_to_string(staged.join("usr/lib64/pkgconfig/mcp.pc")).unwrap();
    assert!(!described.contains(staged.to_str().unwrap()), "{described}");
    for line in ["prefix=/usr", "libdir=${prefix}/lib64", "includedir=${prefix}/include"] {
        assert!(described.lines().any(|said| said == line), "{line}: {described}");
    }
}
