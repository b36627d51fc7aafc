// Asks the terminal for its state five times a second and shows it. Text enters the page as text only.
"use strict";

const PERIOD_MS = 200;
const CUE_REACH = 6; // a log-likelihood ratio of this much fills half a bar
const SVG = "http://www.w3.org/2000/svg";
const element = (id) => document.getElementById(id);

function make(name, text, classes = "") {
  const made = document.createElement(name);
  made.textContent = text ?? "";
  made.className = classes;
  return made;
}

function showText(id, text, classes) {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
  if (classes !== undefined) target.className = classes;
}

// Pictures and what is drawn on them belong to one moment: they change together, once all are there.
async function showSight(sight) {
  if (!sight || sight.captured_ns === showSight.shown) return;
  showSight.shown = sight.captured_ns;
  const seen = ["rgb", "nir", "depth"].filter((role) => sight.sensors[role] === "ok");
  const pictures = await Promise.all(seen.map(loadPicture(sight.captured_ns)));
  seen.forEach((role, number) => pictures[number] && (element(role).src = pictures[number].src));
  for (const role of ["nir", "depth"]) showText(`${role}-state`, seen.includes(role) ? "" : `– ${sight.sensors[role] ?? "none"}`);
  showFaces(sight);
}

const loadPicture = (captured_ns) => async (role) => {
  const picture = new Image();
  picture.src = `picture.jpg?role=${role}&t=${captured_ns}`;
  try {
    await picture.decode();
    return picture;
  } catch {
    return null; // gone by now; the next one comes in a moment
  }
};

function showFaces(sight) {
  const overlay = element("overlay");
  overlay.replaceChildren();
  if (!sight || !sight.width) return;
  overlay.setAttribute("viewBox", `0 0 ${sight.width} ${sight.height}`);
  for (const face of sight.faces) {
    const [x, y, w, h] = face.box;
    const colour = !face.judged ? "#e0e0e0" : face.bona_fide > face.attack ? "#3ecf98" : "#ff6257";
    const box = document.createElementNS(SVG, "rect");
    for (const [name, value] of Object.entries({ x, y, width: w, height: h, rx: 8, fill: "none", stroke: colour, "stroke-width": face.presented ? 4 : 2 })) {
      box.setAttribute(name, value);
    }
    const label = document.createElementNS(SVG, "text");
    for (const [name, value] of Object.entries({ x, y: Math.max(y - 9, 20), fill: colour, "font-size": 19, "font-weight": 600, stroke: "#000", "stroke-width": 4, "paint-order": "stroke" })) {
      label.setAttribute(name, value);
    }
    const percent = (share) => `${Math.round(100 * share)} %`;
    label.textContent = face.judged
      ? `bona fide ${percent(face.bona_fide)} · attack ${percent(face.attack)}`
      : `face ${percent(face.bona_fide + face.attack)}`;
    overlay.append(box, label);
  }
}

const words = (reason) => reason.replaceAll("_", " ");

function showVerdict(state) {
  const { decision, sight } = state;
  if (decision) {
    const kinds = { granted: ["Come in", "good"], denied: ["Denied", "bad"], inconclusive: ["Not sure, please try again", "open"] };
    const [text, kind] = kinds[decision.outcome];
    const because = decision.outcome === "granted" ? "" : ` – ${decision.guidance ?? words(decision.reason)}`;
    showText("verdict", text + because, `verdict ${kind}`);
  } else if (sight?.pad) {
    const kinds = { bona_fide: ["Living face, card please", "good"], attack: ["Attack", "bad"], inconclusive: ["Looking …", ""] };
    const [text, kind] = sight.pad.guidance ? [sight.pad.guidance, "open"] : kinds[sight.pad.decision] ?? ["Looking …", ""];
    showText("verdict", text, `verdict ${kind}`);
  } else {
    showText("verdict", "No face", "verdict");
  }
}

function showCues(pad) {
  const rows = (pad?.cues ?? []).map((cue) => {
    const row = document.createElement("tr");
    const bar = make("div", "", "bar");
    const fill = make("i", "", cue.llr >= 0 ? "good" : "bad");
    const width = Math.min(Math.abs(cue.llr) / CUE_REACH, 1) * 50;
    fill.style.width = `${width}%`;
    fill.style.left = cue.llr >= 0 ? "50%" : `${50 - width}%`;
    bar.append(fill);
    const middle = document.createElement("td");
    middle.append(bar);
    row.append(make("td", words(cue.name)), middle, make("td", cue.llr.toFixed(1)));
    return row;
  });
  if (rows.length) element("cues").replaceChildren(...rows);
}

function showDoor(state) {
  const open = state.door === "unlocked";
  showText("door", state.door ? words(state.door) : "–", `large ${open ? "good-text" : ""}`);
  if (state.decision) {
    const { outcome, reason, latency_ms, sequence } = state.decision;
    showText("decision", `${outcome}, ${words(reason)}, ${latency_ms} ms after the picture, event ${sequence ?? "not stored"}`);
  }
}

function showCounts(counts) {
  if (!counts) return;
  const rows = [
    ["Authorised people let in", counts.let_in, "good-text"],
    ["Authorised people kept out", counts.wrongly_kept_out, counts.wrongly_kept_out ? "open-text" : ""],
    ["Attacks kept out", counts.attacks_kept_out, "good-text"],
    ["Attacks let in", counts.attacks_let_in, counts.attacks_let_in ? "bad-text" : ""],
    ["Strangers kept out", counts.unauthorised_kept_out, ""],
  ];
  element("counts").replaceChildren(...rows.flatMap(([name, value, kind]) => [make("dt", name), make("dd", value, kind)]));
}

function showLink(link) {
  if (!link) return showText("link", "no broker configured");
  const waiting = link.recorded_through - link.acknowledged_through;
  const how = link.connected ? `connected, MQTT ${link.protocol}` : `not connected: ${link.error ?? "trying"}`;
  showText("link", `${how}. ${link.recorded_through} events recorded, ${link.acknowledged_through} acknowledged, ${waiting} waiting.`);
}

function showEvents(events) {
  element("events").replaceChildren(...events.map((event) => {
    const row = document.createElement("tr");
    const kind = { warning: "bad-text", error: "bad-text", notice: "open-text" }[event.severity] ?? "";
    row.append(make("td", event.time.slice(11, 19)), make("td", event.kind), make("td", words(event.text), kind));
    return row;
  }));
}

function showVisit(visit) {
  if (!visit) return showText("visit", "Waiting for the next visitor");
  const of = visit.of ? ` of ${visit.of}` : "";
  showText("visit", `Visit ${visit.number}${of}: ${visit.title}`);
}

function show(state) {
  showVisit(state.visit);
  showSight(state.sight);
  showVerdict(state);
  showCues(state.sight?.pad);
  showDoor(state);
  showCounts(state.counts);
  showLink(state.link);
  showEvents(state.events);
}

async function tick() {
  try {
    const answer = await fetch("state.json", { signal: AbortSignal.timeout(3000) });
    show(await answer.json());
    showText("connection", "live", "pill good-text");
  } catch {
    showText("connection", "the terminal does not answer", "pill bad-text");
  }
  setTimeout(tick, PERIOD_MS);
}

tick();
