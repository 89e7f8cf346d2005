// matomo-tracker as its users call it: ADDRESS SITE AGENT. Prints what the bulk was answered, and every error.
const http = require("http");
const MatomoTracker = require("matomo-tracker");

http.globalAgent = new http.Agent({ keepAlive: false }); // else the process stays until the server closes
const [address, site, ua] = process.argv.slice(2);
const tracker = new MatomoTracker(Number(site), `${address}/matomo.php`);
tracker.on("error", (error) => console.log(`error: ${error}`));
const page = "http://shop.example";
tracker.track({ url: `${page}/a?email=x@y.z`, action_name: "Título", ua, cvar: JSON.stringify({ 1: ["name", "value"] }) });
tracker.track({ url: `${page}/b`, ua, urlref: "https://www.google.com/search?q=secret", uid: "alice@example.com" });
tracker.trackBulk(
  [
    { url: `${page}/c`, ua, _id: "AA814767-7B1F-5C81-8F1D-8E47AD7D2982" },
    { url: `${page}/c`, ua, e_c: "Buy", e_a: "rightButton", e_v: "2" },
    { url: `${page}/c`, ua, download: `${page}/files/f.pdf` },
    { url: `${page}/c`, ua, cid: "short" },
  ],
  (answer) => console.log(answer),
);
