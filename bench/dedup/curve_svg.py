#!/usr/bin/env python3
"""Draws curves of plan_dedup() and plan_ladder() as SVG: what a metric is, by the share of the model's bytes that is freed.

    curve_svg.py TOTAL_BYTES NAME=FILE... > picture.svg

FILE holds a line "merged,bytes,value" for each point.
"""
import sys

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 750, 360, 70, 24, 180, 50
COLOURS = ("#1f77b4", "#d62728", "#2ca02c")


def ticks(low, high, n):
    step = (high - low) / n
    return [low + i * step for i in range(n + 1)]


def main():
    total = float(sys.argv[1])
    curves = []
    for argument in sys.argv[2:]:
        name, path = argument.split("=", 1)
        with open(path) as f:
            points = [tuple(float(x) for x in line.split(",")) for line in f if line.strip()]
        curves.append((name, sorted((100 * b / total, v) for _, b, v in points)))
    values = [v for _, points in curves for _, v in points]
    high = max(values)
    low = min(values) - 0.02 * (high - min(values) or 1)
    right = max(x for _, points in curves for x, _ in points)
    right = min(100, 10 * (int(right / 10) + 1))

    def at(x, y):
        return (LEFT + x / right * (WIDTH - LEFT - RIGHT),
                TOP + (high - y) / (high - low) * (HEIGHT - TOP - BOTTOM))

    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
           'font-family="sans-serif" font-size="12">' % (WIDTH, HEIGHT, WIDTH, HEIGHT),
           '<rect width="100%" height="100%" fill="white"/>']
    for y in ticks(low, high, 5):
        px, py = at(0, y)
        out.append('<path d="M%.1f %.1fH%d" stroke="#ddd"/>' % (px, py, WIDTH - RIGHT))
        out.append('<text x="%.1f" y="%.1f" text-anchor="end">%.3f</text>' % (px - 6, py + 4, y))
    for x in ticks(0, right, 5):
        px, py = at(x, low)
        out.append('<text x="%.1f" y="%.1f" text-anchor="middle">%g %%</text>' % (px, py + 18, x))
    out.append('<text x="%.1f" y="%d" text-anchor="middle">bytes of the model freed</text>'
               % ((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10))
    labels = []
    for (name, points), colour in zip(curves, COLOURS):
        pixels = [at(x, y) for x, y in points]
        out.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>'
                   % (colour, " ".join("%.1f,%.1f" % p for p in pixels)))
        out += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (x, y, colour) for x, y in pixels]
        y = pixels[-1][1] + 4
        while any(abs(y - other) < 14 for other in labels):
            y -= 1
        labels.append(y)
        out.append('<text x="%.1f" y="%.1f" fill="%s">%s</text>' % (pixels[-1][0] + 8, y, colour, name))
    print("\n".join(out + ["</svg>"]))


if __name__ == "__main__":
    main()
