#include "prov/graph_layout.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

namespace alisio::prov {
namespace {

using Lists = std::vector<std::vector<int>>;

/// Lines that pass more columns than this in all are drawn straight across them: an untidy drawing
/// of an enormous record is better than none.
constexpr std::size_t kMostBends = 20000;

struct Ends {
  int from, to;
  bool reversed;  ///< the line leads back, to the left
};

/// Return the lines once each, turned around where they close a circle.
std::vector<Ends> without_circles(std::size_t n, const std::vector<LayoutEdge>& edges,
                                  bool& cyclic) {
  Lists next(n);
  for (const LayoutEdge& edge : edges)
    if (edge.from != edge.to) next[static_cast<std::size_t>(edge.from)].push_back(edge.to);
  for (std::vector<int>& list : next) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  std::vector<Ends> result;
  std::vector<char> state(n, 0);  // 0 new, 1 on the way, 2 done
  std::vector<bool> is_target(n, false);
  for (const auto& list : next)
    for (const int to : list) is_target[static_cast<std::size_t>(to)] = true;
  const auto visit = [&](std::size_t root) {
    std::vector<std::pair<std::size_t, std::size_t>> path{{root, 0}};
    state[root] = 1;
    while (!path.empty()) {
      auto& [node, at] = path.back();
      if (at == next[node].size()) {
        state[node] = 2;
        path.pop_back();
        continue;
      }
      const auto to = static_cast<std::size_t>(next[node][at++]);
      const bool back = state[to] == 1;
      cyclic = cyclic || back;
      if (back)
        result.push_back({static_cast<int>(to), static_cast<int>(node), true});
      else
        result.push_back({static_cast<int>(node), static_cast<int>(to), false});
      if (state[to] == 0) {
        state[to] = 1;
        path.emplace_back(to, 0);
      }
    }
  };
  for (std::size_t i = 0; i < n; ++i)
    if (!is_target[i] && state[i] == 0) visit(i);
  for (std::size_t i = 0; i < n; ++i)
    if (state[i] == 0) visit(i);
  std::sort(result.begin(), result.end(), [](const Ends& a, const Ends& b) {
    return std::tie(a.from, a.to, a.reversed) < std::tie(b.from, b.to, b.reversed);
  });
  return result;
}

std::vector<int> topological_order(const Lists& next, const Lists& previous) {
  std::vector<std::size_t> open(next.size());
  std::vector<int> order;
  for (std::size_t i = 0; i < next.size(); ++i)
    if ((open[i] = previous[i].size()) == 0) order.push_back(static_cast<int>(i));
  for (std::size_t i = 0; i < order.size(); ++i)
    for (const int to : next[static_cast<std::size_t>(order[i])])
      if (--open[static_cast<std::size_t>(to)] == 0) order.push_back(to);
  return order;
}

/// Return the column of each node: after all that leads to it, and after all of lower bands. Tell
/// the band of each column.
std::vector<int> columns_of(const std::vector<LayoutNode>& nodes, const Lists& next,
                            const Lists& previous, std::vector<int>& column_band) {
  const std::size_t n = nodes.size();
  const std::vector<int> order = topological_order(next, previous);
  const bool banded =
      std::any_of(nodes.begin(), nodes.end(), [](const auto& node) { return node.band >= 0; });
  // What is of no band and comes from nothing that is of one stands close to what it leads to.
  std::vector<bool> loose(n, false);
  std::vector<int> band(n, 0), column(n, 0);
  int bands = 1;
  for (const int at : order) {
    const auto i = static_cast<std::size_t>(at);
    const auto& from = previous[i];
    loose[i] = nodes[i].band < 0 && !next[i].empty() &&
               (banded ? std::all_of(from.begin(), from.end(),
                                     [&](int p) { return loose[static_cast<std::size_t>(p)]; })
                       : from.empty());
    band[i] = std::max(nodes[i].band, 0);
    if (!loose[i])
      for (const int p : from)
        if (!loose[static_cast<std::size_t>(p)])
          band[i] = std::max(band[i], band[static_cast<std::size_t>(p)]);
    bands = std::max(bands, band[i] + 1);
  }
  std::vector<std::vector<int>> by_band(static_cast<std::size_t>(bands));
  for (const int at : order)
    if (!loose[static_cast<std::size_t>(at)])
      by_band[static_cast<std::size_t>(band[static_cast<std::size_t>(at)])].push_back(at);
  std::vector<std::pair<int, int>> span(by_band.size());
  int start = 0;
  for (std::size_t b = 0; b < by_band.size(); ++b) {
    int end = start - 1;
    for (const int at : by_band[b]) {
      const auto i = static_cast<std::size_t>(at);
      int least = start;
      for (const int p : previous[i])
        if (!loose[static_cast<std::size_t>(p)])
          least = std::max(least, column[static_cast<std::size_t>(p)] + 1);
      column[i] = least;
      end = std::max(end, least);
    }
    span[b] = {start, end};
    start = end + 1;
  }
  // Beginnings move to the right, towards what they lead to.
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const auto i = static_cast<std::size_t>(*at);
    if (next[i].empty() || (!loose[i] && !previous[i].empty())) continue;
    int nearest = std::numeric_limits<int>::max();
    for (const int to : next[i]) nearest = std::min(nearest, column[static_cast<std::size_t>(to)]);
    const auto [first, last] = span[static_cast<std::size_t>(band[i])];
    column[i] = loose[i] ? nearest - 1 : std::max(first, std::min(nearest - 1, last));
  }
  const int least = n == 0 ? 0 : *std::min_element(column.begin(), column.end());
  // Columns that moves left empty are taken out.
  std::set<int> used;
  for (int& c : column) used.insert(c -= least);
  const std::vector<int> kept(used.begin(), used.end());
  for (const int c : kept) {
    column_band.push_back(-1);
    for (std::size_t b = 0; banded && b < span.size(); ++b)
      if (c + least >= span[b].first && c + least <= span[b].second)
        column_band.back() = static_cast<int>(b);
  }
  for (int& c : column)
    c = static_cast<int>(std::lower_bound(kept.begin(), kept.end(), c) - kept.begin());
  return column;
}

/// The drawing while it is made: nodes first, then the bends of lines that pass columns.
struct Sheet {
  std::vector<int> column;
  std::vector<double> height;
  Lists next, previous;  ///< neighbours in the next and the previous column
  Lists rows;            ///< each column from top to bottom
  std::size_t n_nodes = 0;

  [[nodiscard]] bool bend(int i) const { return static_cast<std::size_t>(i) >= n_nodes; }
};

std::int64_t crossings(const Sheet& sheet) {
  std::int64_t total = 0;
  std::vector<int> row(sheet.column.size(), 0);
  for (const auto& column : sheet.rows)
    for (std::size_t i = 0; i < column.size(); ++i)
      row[static_cast<std::size_t>(column[i])] = static_cast<int>(i);
  for (std::size_t c = 0; c + 1 < sheet.rows.size(); ++c) {
    // Inversions of the ends, counted in a tree of sums.
    std::vector<int> tree(sheet.rows[c + 1].size() + 1, 0);
    std::int64_t seen = 0;
    std::vector<int> ends;
    for (const int from : sheet.rows[c]) {
      ends.clear();
      for (const int to : sheet.next[static_cast<std::size_t>(from)])
        ends.push_back(row[static_cast<std::size_t>(to)]);
      for (const int end : ends) {
        std::int64_t before = 0;
        for (int i = end + 1; i > 0; i -= i & -i) before += tree[static_cast<std::size_t>(i)];
        total += seen - before;
      }
      for (const int end : ends) {
        for (int i = end + 1; i < static_cast<int>(tree.size()); i += i & -i)
          ++tree[static_cast<std::size_t>(i)];
        ++seen;
      }
    }
  }
  return total;
}

void sort_by_barycentre(std::vector<int>& column, const Lists& neighbours,
                        const std::vector<int>& row) {
  std::vector<std::pair<double, int>> keys;
  for (std::size_t i = 0; i < column.size(); ++i) {
    const auto& near = neighbours[static_cast<std::size_t>(column[i])];
    double sum = 0;
    for (const int other : near) sum += row[static_cast<std::size_t>(other)];
    keys.emplace_back(near.empty() ? static_cast<double>(row[static_cast<std::size_t>(column[i])])
                                   : sum / static_cast<double>(near.size()),
                      column[i]);
  }
  std::stable_sort(keys.begin(), keys.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < column.size(); ++i) column[i] = keys[i].second;
}

void order_rows(Sheet& sheet) {
  std::vector<int> row(sheet.column.size(), 0);
  const auto number = [&](const std::vector<int>& column) {
    for (std::size_t i = 0; i < column.size(); ++i)
      row[static_cast<std::size_t>(column[i])] = static_cast<int>(i);
  };
  for (const auto& column : sheet.rows) number(column);
  Lists best = sheet.rows;
  std::int64_t fewest = crossings(sheet);
  constexpr int kSweeps = 12;
  for (int sweep = 0; sweep < kSweeps && fewest > 0; ++sweep) {
    if (sweep % 2 == 0)
      for (std::size_t c = 1; c < sheet.rows.size(); ++c) {
        sort_by_barycentre(sheet.rows[c], sheet.previous, row);
        number(sheet.rows[c]);
      }
    else
      for (std::size_t c = sheet.rows.size() - 1; c-- > 0;) {
        sort_by_barycentre(sheet.rows[c], sheet.next, row);
        number(sheet.rows[c]);
      }
    if (const std::int64_t now = crossings(sheet); now < fewest) {
      fewest = now;
      best = sheet.rows;
    }
  }
  sheet.rows = best;
}

/// Move a column's nodes as near as possible (least squares) to where they are wanted, in their
/// order and apart from each other: isotonic regression by pooling.
void place(const Sheet& sheet, const std::vector<int>& column, const std::vector<double>& wanted,
           const std::vector<double>& weight, double gap, std::vector<double>& y) {
  struct Pool {
    double sum, weight;
    std::size_t count;
  };
  std::vector<Pool> pools;
  std::vector<double> offset(column.size(), 0);
  const auto distance = [&](int above, int below) {
    const double apart = sheet.bend(above) && sheet.bend(below) ? gap * 0.7 : gap;
    return (sheet.height[static_cast<std::size_t>(above)] +
            sheet.height[static_cast<std::size_t>(below)]) /
               2 +
           apart;
  };
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (i > 0) offset[i] = offset[i - 1] + distance(column[i - 1], column[i]);
    const auto node = static_cast<std::size_t>(column[i]);
    pools.push_back({(wanted[node] - offset[i]) * weight[node], weight[node], 1});
    while (pools.size() > 1) {
      const Pool last = pools.back();
      Pool& before = pools[pools.size() - 2];
      if (before.sum / before.weight <= last.sum / last.weight) break;
      before.sum += last.sum, before.weight += last.weight, before.count += last.count;
      pools.pop_back();
    }
  }
  std::size_t i = 0;
  for (const Pool& pool : pools)
    for (std::size_t k = 0; k < pool.count; ++k, ++i)
      y[static_cast<std::size_t>(column[i])] = pool.sum / pool.weight + offset[i];
}

std::vector<double> rows_to_heights(const Sheet& sheet, double gap) {
  const std::size_t n = sheet.column.size();
  std::vector<double> y(n, 0), wanted(n, 0), weight(n, 1);
  for (const auto& column : sheet.rows) {
    double at = 0;
    for (const int i : column) {
      const double half = sheet.height[static_cast<std::size_t>(i)] / 2;
      y[static_cast<std::size_t>(i)] = at + half;
      at += 2 * half + gap;
    }
  }
  constexpr int kRounds = 24;
  constexpr double kBendWeight = 6;  // long lines shall be straight
  for (int round = 0; round < kRounds; ++round) {
    const bool rightwards = round % 2 == 0;
    for (std::size_t k = 0; k < sheet.rows.size(); ++k) {
      const auto& column = sheet.rows[rightwards ? k : sheet.rows.size() - 1 - k];
      for (const int at : column) {
        const auto i = static_cast<std::size_t>(at);
        double sum = 0, total = 0;
        const auto pull = [&](const std::vector<int>& others, double strength) {
          for (const int other : others) {
            const double w = strength * (sheet.bend(at) && sheet.bend(other)   ? kBendWeight
                                         : sheet.bend(at) || sheet.bend(other) ? 2.0
                                                                               : 1.0);
            sum += w * y[static_cast<std::size_t>(other)];
            total += w;
          }
        };
        pull(sheet.previous[i], rightwards ? 1.0 : 0.3);
        pull(sheet.next[i], rightwards ? 0.3 : 1.0);
        wanted[i] = total > 0 ? sum / total : y[i];
        weight[i] = std::max(total, 0.2);
      }
      place(sheet, column, wanted, weight, gap, y);
    }
  }
  return y;
}

void curve(std::vector<Point>& line, Point to) {
  const Point from = line.back();
  const double middle = (from.x + to.x) / 2;
  line.push_back({middle, from.y});
  line.push_back({middle, to.y});
  line.push_back(to);
}

}  // namespace

Layout lay_out(const std::vector<LayoutNode>& nodes, const std::vector<LayoutEdge>& edges,
               const LayoutOptions& options) {
  Layout layout;
  const std::size_t n = nodes.size();
  if (n == 0) return layout;
  const std::vector<Ends> ends = without_circles(n, edges, layout.cyclic);
  Lists next(n), previous(n);
  for (const Ends& e : ends) {
    next[static_cast<std::size_t>(e.from)].push_back(e.to);
    previous[static_cast<std::size_t>(e.to)].push_back(e.from);
  }
  layout.columns = columns_of(nodes, next, previous, layout.column_band);
  const auto column_of = [&](int i) { return layout.columns[static_cast<std::size_t>(i)]; };
  const int n_columns = *std::max_element(layout.columns.begin(), layout.columns.end()) + 1;

  Sheet sheet;
  sheet.n_nodes = n;
  sheet.column = layout.columns;
  for (const LayoutNode& node : nodes) sheet.height.push_back(node.height);
  sheet.next.resize(n), sheet.previous.resize(n);
  std::size_t bends = 0;
  for (const Ends& e : ends)
    bends += static_cast<std::size_t>(std::max(0, column_of(e.to) - column_of(e.from) - 1));
  const bool bent = bends <= kMostBends;
  std::vector<std::vector<int>> chains;
  const auto join = [&](int from, int to) {
    sheet.next[static_cast<std::size_t>(from)].push_back(to);
    sheet.previous[static_cast<std::size_t>(to)].push_back(from);
  };
  for (const Ends& e : ends) {
    std::vector<int> chain{e.from};
    for (int c = column_of(e.from) + 1; bent && c < column_of(e.to); ++c) {
      const int i = static_cast<int>(sheet.column.size());
      sheet.column.push_back(c);
      sheet.height.push_back(2);
      sheet.next.emplace_back(), sheet.previous.emplace_back();
      join(chain.back(), i);
      chain.push_back(i);
    }
    if (bent || column_of(e.to) == column_of(e.from) + 1) join(chain.back(), e.to);
    chain.push_back(e.to);
    chains.push_back(std::move(chain));
  }
  sheet.rows.resize(static_cast<std::size_t>(n_columns));
  for (std::size_t i = 0; i < sheet.column.size(); ++i)
    sheet.rows[static_cast<std::size_t>(sheet.column[i])].push_back(static_cast<int>(i));
  order_rows(sheet);
  std::vector<double> y = rows_to_heights(sheet, options.row_gap);

  double top = std::numeric_limits<double>::max(), bottom = -top;
  for (std::size_t i = 0; i < y.size(); ++i) {
    top = std::min(top, y[i] - sheet.height[i] / 2);
    bottom = std::max(bottom, y[i] + sheet.height[i] / 2);
  }
  for (double& one : y) one -= top;
  layout.height = bottom - top;
  std::vector<double> widest(static_cast<std::size_t>(n_columns), 0);
  for (std::size_t i = 0; i < n; ++i) {
    double& w = widest[static_cast<std::size_t>(layout.columns[i])];
    w = std::max(w, nodes[i].width);
  }
  double x = 0;
  for (const double w : widest) {
    layout.column_left.push_back(x);
    layout.column_right.push_back(x + w);
    x += w + options.column_gap;
  }
  layout.width = x - options.column_gap;
  for (std::size_t i = 0; i < n; ++i) {
    const auto c = static_cast<std::size_t>(layout.columns[i]);
    layout.centres.push_back({(layout.column_left[c] + layout.column_right[c]) / 2, y[i]});
  }

  // A line in the order in which edges were given; several edges between two nodes share one.
  std::vector<std::pair<std::pair<int, int>, std::size_t>> index;
  for (std::size_t k = 0; k < ends.size(); ++k)
    index.emplace_back(ends[k].reversed ? std::pair{ends[k].to, ends[k].from}
                                        : std::pair{ends[k].from, ends[k].to},
                       k);
  std::sort(index.begin(), index.end());
  layout.lines.resize(edges.size());
  for (std::size_t k = 0; k < edges.size(); ++k) {
    const std::pair key{edges[k].from, edges[k].to};
    const auto at = std::lower_bound(index.begin(), index.end(), std::pair{key, std::size_t{0}});
    if (at == index.end() || at->first != key) continue;
    const std::vector<int>& chain = chains[at->second];
    const auto from = static_cast<std::size_t>(chain.front()),
               to = static_cast<std::size_t>(chain.back());
    std::vector<Point> line{{layout.centres[from].x + nodes[from].width / 2, y[from]}};
    for (std::size_t i = 1; i + 1 < chain.size(); ++i) {
      const auto bend = static_cast<std::size_t>(chain[i]);
      const auto c = static_cast<std::size_t>(sheet.column[bend]);
      curve(line, {layout.column_left[c], y[bend]});
      curve(line, {layout.column_right[c], y[bend]});
    }
    curve(line, {layout.centres[to].x - nodes[to].width / 2, y[to]});
    if (ends[at->second].reversed) std::reverse(line.begin(), line.end());
    layout.lines[k] = std::move(line);
  }
  return layout;
}

}  // namespace alisio::prov
