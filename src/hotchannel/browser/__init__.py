"""What runs in the browser: plain ES modules, served below `/@vite/` as they are."""
