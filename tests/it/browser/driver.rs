//! A browser of a test's own. Nothing of it is left when the test ends, however it ends.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::web::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thirtyfour::{
    Capabilities, WebDriver,
    error::{WebDriverError, WebDriverResult},
    session::http::{Body, HttpClient},
};
use ureq::http::{Request, Response};

/// The longest wait for what a page should come to.
const PATIENCE: Duration = Duration::from_secs(20);

const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // In containers /dev/shm is small.
    "--disable-dev-shm-usage",
    // As on a phone: a width is then the page's own.
    "--hide-scrollbars",
];

/// How a browser is set up.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub language: &'static str,
    /// CSS pixels.
    pub window: (u32, u32),
    pub has_scripts: bool,
}

impl Setup {
    pub const DESK: Self = Self {
        language: "en",
        window: (1280, 900),
        has_scripts: true,
    };
    pub const PHONE: Self = Self {
        window: (375, 800),
        ..Self::DESK
    };

    pub const fn without_scripts(self) -> Self {
        Self {
            has_scripts: false,
            ..self
        }
    }

    pub const fn speaking(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    fn capabilities(self, profile: &Path) -> Capabilities {
        let Self {
            language,
            window: (width, height),
            has_scripts,
        } = self;
        let mut args: Vec<String> = FLAGS.map(str::to_owned).into();
        args.extend([
            format!("--user-data-dir={}", profile.display()),
            format!("--lang={language}"),
            format!("--window-size={width},{height}"),
        ]);
        let mut prefs = json!({ "intl.accept_languages": language });
        if !has_scripts {
            prefs["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": args, "prefs": prefs },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        serde_json::from_value::<serde_json::Map<String, Value>>(wanted)
            .unwrap()
            .into()
    }
}

/// A browser with one or more tabs; its methods in `person` are what a person does.
pub struct Browser {
    runtime: tokio::runtime::Runtime,
    pub(super) driver: WebDriver,
    pub(super) base: String,
    setup: Setup,
    // In the order in which they go.
    _chromedriver: Chromedriver,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Opens a browser for the site at `base`, still on an empty page.
    pub fn open(base: &str, setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chromedriver = Chromedriver::start(folder.path());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let address = format!("http://127.0.0.1:{}", chromedriver.port);
        let capabilities = setup.capabilities(&folder.path().join("profile"));
        let driver = runtime
            .block_on(
                WebDriver::builder(address, capabilities)
                    .client(Wire::new())
                    .connect(),
            )
            .expect("Chromium starts");
        let browser = Self {
            runtime,
            driver,
            base: base.to_owned(),
            setup,
            _chromedriver: chromedriver,
            _folder: folder,
        };
        browser.fit_window();
        browser
    }

    /// Waits for the answer to a command.
    #[track_caller]
    pub fn tell<T>(&self, command: impl Future<Output = WebDriverResult<T>>) -> T {
        self.runtime.block_on(command).unwrap()
    }

    /// Like [`Self::tell`], where the page may be going away.
    pub fn try_to<T>(&self, command: impl Future<Output = WebDriverResult<T>>) -> Option<T> {
        self.runtime.block_on(command).ok()
    }

    /// What a script gives, in the page but outside its Content-Security-Policy.
    #[track_caller]
    pub fn ask<T: DeserializeOwned>(&self, script: &str, about: impl Into<Vec<Value>>) -> T {
        let about: Vec<Value> = about.into();
        self.tell(async { self.driver.execute(script, about).await?.convert() })
    }

    /// A command of the DevTools protocol.
    #[track_caller]
    pub fn devtools(&self, method: &str, parameters: Value) -> Value {
        self.tell(self.driver.cdp().send_raw(method, parameters))
    }

    /// Waits until `look` gives something.
    #[track_caller]
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "no {what}; at {}:\n{}",
                self.address(),
                self.text("body")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Gives the present tab exactly the setup's width, which a window has not.
    pub fn fit_window(&self) {
        let (width, height) = self.setup.window;
        self.resize(width, height);
    }

    /// A page of this many CSS pixels.
    pub fn resize(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        );
    }

    /// `light` or `dark`, as the system's setting would be.
    pub fn prefer_scheme(&self, scheme: &str) {
        self.prefer("", &[("prefers-color-scheme", scheme)]);
    }

    /// Shows the page on a medium (empty: the screen) and with features of the person's system.
    pub fn prefer(&self, medium: &str, features: &[(&str, &str)]) {
        let told: Vec<Value> = features
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "media": medium, "features": told }),
        );
        for (name, value) in features {
            let is_so = "return matchMedia(`(${arguments[0]}: ${arguments[1]})`).matches";
            assert!(self.ask::<bool>(is_so, [json!(name), json!(value)]));
        }
    }

    /// Runs a script of the test's own in the present tab before each page's.
    pub fn before_every_page(&self, script: &str) {
        self.devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": script }),
        );
    }

    /// No word in the console of any tab: no error, no broken Content-Security-Policy. A page of an error's status
    /// has a line of its own, which the story expects.
    #[track_caller]
    pub fn assert_quiet_console(&self, expected: &[u16]) {
        let mut meant: Vec<String> = expected
            .iter()
            .map(|status| format!("the server responded with a status of {status} "))
            .collect();
        // Sign-out clears what the browser keeps, which it notes.
        meant.push("Clear-Site-Data header on".into());
        let said: Vec<String> = self
            .tell(self.driver.get_log("browser"))
            .into_iter()
            .map(|entry| format!("{} {}", entry.level, entry.message))
            .filter(|line| !meant.iter().any(|meant| line.contains(meant)))
            .collect();
        assert!(said.is_empty(), "the console says: {said:#?}");
    }

    /// No request went to another origin than the site's.
    #[track_caller]
    pub fn assert_own_origin(&self) {
        let own = format!("{}/", self.base);
        let mut asked = 0;
        for entry in self.tell(self.driver.get_log("performance")) {
            let event: Value = serde_json::from_str(&entry.message).unwrap();
            let event = &event["message"];
            if event["method"] != "Network.requestWillBeSent" {
                continue;
            }
            let url = event["params"]["request"]["url"].as_str().unwrap();
            // An empty tab has parts of its own inside the browser.
            if url.starts_with("chrome:") || url.starts_with("data:") {
                continue;
            }
            assert!(url.starts_with(&own), "asked {url}");
            asked += 1;
        }
        assert!(asked > 0, "the network's log is kept");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.try_to(self.driver.clone().quit());
    }
}

/// The program between a test and its browser, on a free port of the loopback address.
struct Chromedriver {
    process: Child,
    port: u16,
    /// Kept open: it goes on to write.
    output: BufReader<ChildStdout>,
}

impl Chromedriver {
    /// What it and its browser write goes into the folder. It takes a free port of IPv4 and gives up where another
    /// program has the same one of IPv6, so it is asked again.
    fn start(folder: &Path) -> Self {
        (0..5)
            .find_map(|_| Self::try_to_start(folder))
            .expect("chromedriver starts")
    }

    fn try_to_start(folder: &Path) -> Option<Self> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed (Debian: chromium-driver)");
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut started = Self {
            process,
            port: 0,
            output,
        };
        started.port = started.listening_port()?;
        Some(started)
    }

    /// It says so once it answers; `None` where it ended instead.
    fn listening_port(&mut self) -> Option<u16> {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                return Some(port.trim().trim_end_matches('.').parse().unwrap());
            }
            eprint!("chromedriver: {line}");
            line.clear();
        }
        None
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// WebDriver over the tests' own HTTP client. A test waits for each command, so each may block.
struct Wire(ureq::Agent);

impl Wire {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self(config.new_agent())
    }
}

#[async_trait::async_trait]
impl HttpClient for Wire {
    async fn send(&self, request: Request<Body<'_>>) -> WebDriverResult<Response<Bytes>> {
        let failed = |e: ureq::Error| WebDriverError::RequestFailed(e.to_string());
        let (head, body) = request.into_parts();
        let answer = match body {
            Body::Empty => self.0.run(Request::from_parts(head, ())),
            Body::Json(value) => self.0.run(Request::from_parts(head, value.to_string())),
        };
        let (head, mut body) = answer.map_err(failed)?.into_parts();
        // A picture of a page is larger than what is read by default.
        let bytes = body
            .with_config()
            .limit(256 << 20)
            .read_to_vec()
            .map_err(failed)?;
        Ok(Response::from_parts(head, bytes.into()))
    }

    async fn new(&self) -> Arc<dyn HttpClient> {
        Arc::new(Self::new())
    }
}
