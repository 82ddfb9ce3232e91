// Begin: read the numbers, draw every chart, then listen.
const KINDS = { time: drawTime, price: drawPrice, points: drawPoints, heat: drawHeat, parallel: drawParallel, lanes: drawLanes };
const root = document.documentElement;
function repaint() { readTheme(); for (const chart of charts) chart.paint(); }
function themed() {
  const button = byId('theme');
  button.hidden = false;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme || (dark.matches ? 'dark' : 'light')) === 'dark';
  button.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; repaint(); });
  dark.addEventListener('change', repaint);
  let before;
  addEventListener('beforeprint', () => { before = root.dataset.theme; root.dataset.theme = 'light'; for (const d of document.querySelectorAll('details.how')) d.open = true; repaint(); });
  addEventListener('afterprint', () => { if (before) root.dataset.theme = before; else delete root.dataset.theme; for (const d of document.querySelectorAll('details.how')) d.open = false; repaint(); });
}
function tips() {
  const show = (event) => {
    const of = event.target.closest?.('[data-tip]');
    if (of) showTip(of.dataset.tip.split('\n'), event.clientX, event.clientY); else if (event.target.tagName !== 'CANVAS') showTip();
  };
  document.addEventListener('pointermove', show);
  document.addEventListener('pointerdown', show);
  addEventListener('scroll', () => showTip(), { passive: true });
}
function navigation() {
  const links = new Map([...document.querySelectorAll('nav a')].map((a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver((entries) => {
    for (const each of entries) {
      if (!each.isIntersecting) continue;
      for (const a of links.values()) a.removeAttribute('aria-current');
      const a = links.get(each.target.id);
      if (!a) continue;
      a.setAttribute('aria-current', 'true');
      a.parentElement.scrollTo({ left: a.offsetLeft - a.parentElement.clientWidth / 2 });
    }
  }, { rootMargin: '-10% 0px -75% 0px' });
  for (const section of document.querySelectorAll('main > section')) seen.observe(section);
}
async function begin() {
  themed(); tips(); navigation(); readTheme();
  if (byId('pack').textContent.trim()) {
    const columns = await unpack();
    for (const figure of document.querySelectorAll('[data-plot]')) {
      const spec = page.plots[figure.dataset.plot];
      const chart = newChart(figure, spec, KINDS[spec.kind]);
      chart.kind.begin(chart, columns);
    }
    for (const chart of charts) chart.paint();
    const price = charts.find((chart) => chart.kind === drawPrice);
    for (const list of document.querySelectorAll('[data-list]')) tradeList(list, columns, price);
  }
  root.dataset.ready = Math.round(performance.now());
}
begin().catch((error) => { root.dataset.failed = String(error); console.error(error); });
