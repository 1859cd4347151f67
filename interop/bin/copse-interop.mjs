#!/usr/bin/env node
// Where npm finds it also before the first build.
import "../dist/server-main.js";
