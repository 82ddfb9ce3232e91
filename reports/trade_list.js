// The list of trades: filtered, sorted, a page at a time. A row that is clicked shows its trade in the price chart.
const PAGE = 25;
function tradeList(root, columns, priceChart) {
  const spec = page.plots[root.dataset.list];
  const all = listed(columns, spec);
  // One number of decimals a column, so that the points of the numbers stand under each other.
  const sized = (rows, key) => rows.map((t) => Math.abs(t[key])).filter((v) => v > 0 && Number.isFinite(v));
  const exactly = (v) => (Number(v.toPrecision(8)).toLocaleString('en-US', { useGrouping: false, maximumFractionDigits: 10 }).split('.')[1] || '').length;
  const places = {};
  for (const key of ['fees', 'pnl', 'mae', 'mfe']) {
    const large = sized(all, key).reduce((most, v) => Math.max(most, v), 0);
    places[key] = large >= 1 || !large ? 2 : Math.min(2 - Math.floor(Math.log10(large)), 10);
  }
  for (const inst of new Set(all.map((t) => t.inst))) for (const key of ['qty', 'in', 'out']) {
    places[key + inst] = sized(all.filter((t) => t.inst === inst), key).reduce((most, v) => Math.max(most, exactly(v)), 0);
  }
  const number = (key) => (t) => { const n = places[key + t.inst] ?? places[key]; return Number.isFinite(t[key]) ? digits(t[key], n, n).replace(/^-(0(\.0+)?)$/, '$1') : 'n/a'; };
  const many = new Set(all.map((t) => t.inst)).size > 1;
  const heads = [
    ['entry', 'Entry, UTC', 't', (t) => clock(t.entry)], ['exit', 'Exit, UTC', 't', (t) => clock(t.exit)],
    ...(many ? [['inst', 'Symbol', 't', (t) => spec.symbols[t.inst]]] : []),
    ['side', 'Side', 't', (t) => (t.side > 0 ? 'long' : 'short')], ['qty', 'Quantity', 'n', number('qty')],
    ['in', 'Entry price', 'n', number('in')], ['out', 'Exit price', 'n', number('out')],
    ['held', 'Held', 'n', (t) => lasting(t.exit - t.entry)], ['fees', 'Fees, funding', 'n', number('fees')],
    ['pnl', 'PnL', 'n', number('pnl')], ['mae', 'Worst', 'n', number('mae')], ['mfe', 'Best', 'n', number('mfe')],
    ['reason', 'Left by', 't', (t) => spec.reasons[t.reason]],
  ];
  const value = (t, key) => (key === 'held' ? t.exit - t.entry : t[key]);
  const state = { sort: 'entry', down: false, page: 0 };
  const [thead, tbody] = [root.querySelector('thead'), root.querySelector('tbody')];
  const filters = [...root.querySelectorAll('[data-filter]')];
  const head = document.createElement('tr');
  for (const [key, words, kind] of heads) {
    const th = document.createElement('th');
    th.textContent = words; th.className = kind; th.tabIndex = 0; th.dataset.key = key;
    const sort = () => { state.down = state.sort === key ? !state.down : true; state.sort = key; state.page = 0; show(); };
    th.addEventListener('click', sort);
    th.addEventListener('keydown', (event) => { if (event.key === 'Enter') sort(); });
    head.append(th);
  }
  thead.append(head);
  function wanted(t) {
    for (const each of filters) {
      const name = each.dataset.filter;
      if (name === 'seen') { if (each.checked && priceChart && !(t.exit >= priceChart.group.a && t.entry <= priceChart.group.b)) return false; continue; }
      if (each.value === '') continue;
      const v = Number(each.value);
      if (name === 'result' ? (v > 0 ? !(t.pnl > 0) : t.pnl > 0) : t[name] !== v) return false;
    }
    return true;
  }
  function show() {
    const rows = all.filter(wanted).sort((p, q) => (value(p, state.sort) - value(q, state.sort)) * (state.down ? -1 : 1) || p.k - q.k);
    const pages = Math.max(1, Math.ceil(rows.length / PAGE));
    state.page = Math.min(Math.max(state.page, 0), pages - 1);
    tbody.replaceChildren(...rows.slice(state.page * PAGE, (state.page + 1) * PAGE).map((t) => {
      const tr = document.createElement('tr');
      tr.tabIndex = 0;
      for (const [key, , kind, word] of heads) {
        const td = document.createElement('td');
        td.textContent = word(t); td.className = kind + (key === 'pnl' ? (t.pnl > 0 ? ' plus' : t.pnl < 0 ? ' minus' : '') : '');
        tr.append(td);
      }
      const see = () => document.dispatchEvent(new CustomEvent('pick', { detail: t.k }));
      tr.addEventListener('click', see);
      tr.addEventListener('keydown', (event) => { if (event.key === 'Enter') see(); });
      return tr;
    }));
    for (const th of head.children) { if (th.dataset.key === state.sort) th.setAttribute('aria-sort', state.down ? 'descending' : 'ascending'); else th.removeAttribute('aria-sort'); }
    const sum = rows.reduce((s, t) => s + t.pnl, 0);
    root.querySelector('[data-count]').textContent = `${digits(rows.length)} of ${digits(all.length)} trades, ${sum >= 0 ? '+' : ''}${written(sum, 'money')} ${spec.unitName}`.trimEnd() + `, page ${state.page + 1} of ${digits(pages)}`;
  }
  for (const each of filters) each.addEventListener('change', () => { state.page = 0; show(); });
  for (const each of root.querySelectorAll('[data-page]')) each.addEventListener('click', () => { state.page += Number(each.dataset.page); show(); });
  document.addEventListener('range', () => { if (root.querySelector('[data-filter="seen"]').checked) { state.page = 0; show(); } });
  document.addEventListener('pick', (event) => {
    const t = all[event.detail];
    if (!t || !priceChart || !priceChart.pick(t.inst)) return;
    priceChart.picked = t.k;
    const air = Math.max((t.exit - t.entry) * 0.8, priceChart.group.least * 2);
    setRange(priceChart.group, t.entry - air, t.exit + air);
    priceChart.figure.scrollIntoView({ block: 'nearest' });
  });
  if (!priceChart) root.querySelector('[data-filter="seen"]')?.closest('label').remove();
  show();
}
