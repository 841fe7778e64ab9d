/** The driver under test can be loaded, unloaded and given parameters, over and over. */
import { expect, test } from '#hil/fixtures';

const RELOADS = 20;

test.describe('driver', { tag: '@needs:modules' }, () => {
  test.afterEach('the driver is left loaded, with its default parameters', async ({ driver }) => {
    await driver.reset();
  });

  test('the driver is loaded, with its default parameters', async ({ driver }) => {
    await driver.load();
    expect(await driver.loaded()).toBe(true);
    expect(await driver.parameters()).toMatchObject(driver.defaults);
  });

  test('its interfaces go when it is unloaded and come back when it is loaded', async ({ driver, board }) => {
    await driver.load();
    const names = board.profile.radios.map((radio) => radio.interface);
    await driver.unload();
    expect(await driver.loaded()).toBe(false);
    for (const name of names)
      expect(await driver.interfaces(), `${name} after unloading`).not.toContain(name);
    await driver.load();
    for (const name of names) expect(await driver.interfaces(), `${name} after loading`).toContain(name);
  });

  test(`it survives ${RELOADS} reloads without a kernel warning`, async ({ driver, kernel }) => {
    const mark = await kernel.mark();
    for (let reload = 1; reload <= RELOADS; reload++) {
      await test.step(`reload ${reload} of ${RELOADS}`, async () => {
        await driver.unload();
        await driver.load();
        expect(await driver.loaded()).toBe(true);
      });
    }
    expect(await kernel.since(mark)).toHaveNoKernelTrouble();
  });

  test('it takes the parameters it is given', async ({ driver }) => {
    const [name, value] = driver.anotherParameter();
    await driver.unload();
    await driver.load({ [name]: value });
    expect(await driver.parameters()).toMatchObject({ [name]: value });
  });

  test('a module that does not exist is refused with its name', async ({ kernel }) => {
    const attempt = kernel.loadModule('hil_no_such_module');
    await expect(attempt).rejects.toMatchObject({ code: 'module-missing' });
    await expect(attempt).rejects.toThrow(/hil_no_such_module/);
  });
});
