// Unpack plotly, then draw every figure in the reader's colours: light, dark, and light again on paper.

const dark = matchMedia("(prefers-color-scheme: dark)");
const PAPER = { width: 640, shrink: 0.8 }; // pixels between a printed page's margins; and heights, to waste less of it

async function unpacked(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

function figureOf(plot, inDark) {
  const told = plot.nextElementSibling.textContent;
  return JSON.parse(inDark ? told.replace(/#[0-9A-F]{6}/g, (colour) => DARK[colour] ?? colour) : told);
}

function draw(plot, paper = undefined) {
  const { data, layout } = figureOf(plot, dark.matches && !paper);
  const height = layout.height * (paper?.shrink ?? 1);
  const dragmode = matchMedia("(pointer: fine)").matches ? "zoom" : false; // a finger scrolls the page instead
  const config = { displayModeBar: false, responsive: !paper };
  plot.style.height = `${height}px`;
  return Plotly.newPlot(plot, data, { ...layout, dragmode, height, width: paper?.width, autosize: !paper }, config);
}

async function start() {
  const script = document.createElement("script");
  script.textContent = await unpacked("plotly");
  document.head.append(script);
  const plots = [...document.querySelectorAll(".plot")];
  for (const plot of plots) {
    await draw(plot);
    await new Promise((next) => setTimeout(next)); // let the reader scroll meanwhile
  }
  dark.addEventListener("change", () => plots.forEach((plot) => draw(plot)));
  addEventListener("beforeprint", () => plots.forEach((plot) => draw(plot, PAPER)));
  addEventListener("afterprint", () => plots.forEach((plot) => draw(plot)));
  document.body.dataset.drawn = plots.length;
}

function openForPrint() {
  const closed = [...document.querySelectorAll("details:not([open])")];
  closed.forEach((details) => (details.open = true));
  addEventListener("afterprint", () => closed.forEach((details) => (details.open = false)), { once: true });
}

addEventListener("beforeprint", openForPrint);
start().catch((error) => {
  document.querySelectorAll(".plot").forEach((plot) => (plot.textContent = `This figure could not be drawn: ${error}`));
  throw error;
});
