//! `pyrelease plugin`: begun, tried, found, trusted.

use pyrelease_test_support::Transcript;

use crate::plugin::scene::Scene;

#[test]
fn plugins_from_the_beginning() {
    let scene = Scene::new("", &["mark"]);
    let project = &scene.project;
    scene.configure(&[]);
    let run = |args: &str| project.pyrelease(args);
    let mut seen = Transcript::named("plugin");
    seen.heading("a plugin of the repository's that nobody has agreed to");
    seen.add(&run("plugin list").code(0)).add(&run("plan minor").code(3)).add(&run("plugin trust").code(2));
    seen.heading("agreed to");
    seen.add(&run("plugin trust --yes").code(0))
        .add(&run("plugin list").code(0))
        .add(&run("plan minor").code(0));
    seen.heading("somebody changes it");
    let text = project.read(".pyrelease/plugins/mark");
    project.write(".pyrelease/plugins/mark", &format!("{text}# changed\n"));
    seen.add(&run("plugin list").code(0)).add(&run("plan minor").code(3));
    seen.heading("one of one's own");
    seen.add(&run("plugin new website").code(0)).add(&run("plugin new website").code(2));
    seen.add(&run("plugin test website/website.py --config {\"file\":\"released.txt\"}").code(0));
    seen.add(&run("plugin test none.py").run());
    seen.assert();
}
