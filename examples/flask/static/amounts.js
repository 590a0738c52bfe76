// How an amount is written. Change FRACTIONS and save.
const FRACTIONS = true;

const SIGNS = { 0.25: "¼", 0.5: "½", 0.75: "¾" };

export function write(amount, unit) {
  if (amount >= 20) return `${Math.round(amount / 5) * 5} ${unit}`;
  const quarters = Math.max(1, Math.round(amount * 4)) / 4;
  const whole = Math.floor(quarters);
  const sign = SIGNS[quarters - whole] ?? "";
  return FRACTIONS ? `${whole || ""}${sign} ${unit}` : `${quarters} ${unit}`;
}
