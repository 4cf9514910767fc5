<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.16" styleCategories="Symbology">
  <pipe>
    <provider>
      <resampling enabled="false" zoomedInResamplingMethod="nearestNeighbour" maxOversampling="2" zoomedOutResamplingMethod="nearestNeighbour"/>
    </provider>
    <rasterrenderer opacity="1" alphaBand="-1" nodataColor="" band="1" type="paletted">
      <minMaxOrigin>
        <limits>None</limits>
        <extent>WholeRaster</extent>
        <statAccuracy>Estimated</statAccuracy>
        <cumulativeCutLower>0.02</cumulativeCutLower>
        <cumulativeCutUpper>0.98</cumulativeCutUpper>
        <stdDevFactor>2</stdDevFactor>
      </minMaxOrigin>
      <colorPalette>
        <paletteEntry alpha="255" color="#7fb2d9" value="1" label="Water"/>
        <paletteEntry alpha="255" color="#5b7f4f" value="2" label="Mangrove and wet vegetation"/>
        <paletteEntry alpha="255" color="#1e5b33" value="3" label="Forest"/>
        <paletteEntry alpha="255" color="#9cc06a" value="4" label="Scrub, farmland and parks"/>
        <paletteEntry alpha="255" color="#e3cfa4" value="5" label="Built-up with gardens"/>
        <paletteEntry alpha="255" color="#b9766a" value="6" label="Dense built-up"/>
        <paletteEntry alpha="255" color="#f3ead6" value="7" label="Bare ground, sand and bright roofs"/>
      </colorPalette>
    </rasterrenderer>
    <brightnesscontrast brightness="0" contrast="0" gamma="1"/>
    <huesaturation colorizeBlue="128" saturation="0" colorizeGreen="128" colorizeRed="255" colorizeStrength="100" grayscaleMode="0" invertColors="0" colorizeOn="0"/>
    <rasterresampler maxOversampling="2"/>
    <resamplingStage>resamplingFilter</resamplingStage>
  </pipe>
  <blendMode>0</blendMode>
</qgis>
